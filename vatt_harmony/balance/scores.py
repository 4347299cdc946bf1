"""What a modality's score may be: pure functions of outputs, detached and in fp32 by whoever calls them."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value", Tensor, float)
Subset = frozenset[str]


def true_class_probability(logits: Tensor, targets: Tensor) -> Tensor:
    """Softmax probability `[B]` of the label: logits `[B, C]`, targets `[B]`; fp32 at least, whatever autocast says."""
    return at_least_fp32(logits).softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def jensen_shannon(logits: Tensor, other: Tensor) -> Tensor:
    """Jensen-Shannon divergence `[B]`, in nats, of two predictions given as logits `[B, C]`; at most log 2."""
    log_p, log_q = at_least_fp32(logits).log_softmax(-1), at_least_fp32(other).log_softmax(-1)
    log_mean = torch.logaddexp(log_p, log_q) - math.log(2)
    return 0.5 * ((log_p.exp() * (log_p - log_mean)).sum(-1) + (log_q.exp() * (log_q - log_mean)).sum(-1))


def slice_logits(features: Mapping[str, Tensor], weight: Tensor, bias: Tensor | None) -> dict[str, Tensor]:
    """Each modality's share `[B, C]` of a linear fusion: W_m z_m + b / M, whose sum is the fused output.

    features `[B, D_m]`, concatenated in their order; weight `[C, sum D_m]`, bias `[C]`. A wider weight is an error of
    the caller's. Scores of OGM-GE (arXiv 2203.15332) are true-class probabilities of these.
    """
    parts = torch.split(weight, [feature.shape[-1] for feature in features.values()], dim=1)
    share = 0.0 if bias is None else bias / len(features)
    # Features that autocast made narrower meet weights that it no longer narrows, where the loss is outside of it.
    return {
        name: feature.to(part.dtype) @ part.T + share
        for (name, feature), part in zip(features.items(), parts, strict=True)
    }


def subsets(players: Sequence[str]) -> list[Subset]:
    """All 2^M subsets, the empty one first."""
    return [frozenset(chosen) for size in range(len(players) + 1) for chosen in combinations(players, size)]


def shapley(value: Mapping[Subset, Value], players: Sequence[str]) -> dict[str, Value]:
    """Shapley value of each player, exact: what it adds to a subset, averaged over all orders of joining.

    `value` has every subset of `players`: tensors of one shape, or numbers. They add up to
    value[all] - value[none]; for two players phi_a = (f - f_v + f_a - f_0) / 2, f_v the value of {v} alone.
    """
    return {
        player: sum(  # type: ignore[misc]
            (value[others | {player}] - value[others]) * _weight(len(others), len(players))
            for others in subsets([other for other in players if other != player])
        )
        for player in players
    }


def at_least_fp32(values: Tensor) -> Tensor:
    """The values, widened if they are of half precision."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def _weight(joined: int, players: int) -> float:
    """Share of the orders in which exactly these `joined` players come before a given one."""
    return 1 / (players * math.comb(players - 1, joined))
