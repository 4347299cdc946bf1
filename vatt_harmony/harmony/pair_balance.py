"""Pair balance: a pair of modalities that lags behind the others gets more weight, one that is ahead gets less.

Multi-Loss Balanced (Kontras et al., arXiv 2405.07930) carried over to contrastive pretraining: a pair's score is how
surely the batch retrieves by it. This transfer is the project's own; no publication on it is known.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from vatt_harmony.harmony.config import PairBalanceConfig

_LOWEST_SCORE = 0.01
"""Scores below count as this one: ratios of scores near chance would be ratios of noise."""


def coefficients(
    masses: Mapping[str, Tensor],
    valid: Mapping[str, Tensor],
    negatives: Mapping[str, Tensor],
    config: PairBalanceConfig,
) -> dict[str, Tensor]:
    """Pair -> factor of its loss, scalar without graph.

    masses: `PairLosses.masses` of the global batch; valid: pair -> bool `[B]`, samples that have both modalities;
    negatives: pair -> bool `[B]`, anchors that stand in the other direction's denominator. Every rank computes it on
    the same gathered batch.
    """
    pairs = list(masses)
    compared = torch.stack([torch.stack([valid[pair].sum(), negatives[pair].sum()]) for pair in pairs])
    scores = above_chance(torch.stack([masses[pair].detach() for pair in pairs]), compared)
    # With one sample to choose from, retrieval says nothing.
    factors = balance(scores, (compared > 1).all(dim=1), config.alpha, config.beta_max)
    return dict(zip(pairs, factors.unbind(), strict=True))


def above_chance(masses: Tensor, compared: Tensor) -> Tensor:
    """Score of each pair `[M]`: 0 where retrieval is no better than chance, 1 where it is perfect.

    masses `[M, 2]`: mean softmax mass of the positives in row and column; compared `[M, 2]`: among how many samples
    each direction chooses, so that equal similarities have mass 1/compared, however many candidates a sample has.
    """
    chance = 1 / compared.clamp(min=2).to(masses.dtype)
    return ((masses - chance) / (1 - chance)).mean(dim=1)


def balance(scores: Tensor, active: Tensor, alpha: float, beta_max: float) -> Tensor:
    """Factor k = 1 + (β − 1)·tanh(α(r − 1)) of every pair's loss `[M]`, r = mean score of the others / its own.

    scores `[M]` and active bool `[M]`; β is beta_max for a pair that is behind (r > 1) and 2 for one that is ahead.
    Pairs that are not active have k = 1 and do not count for the others, as has everyone if fewer than two are active.
    Source: MLB, arXiv 2405.07930, with its released code's two bounds.
    """
    scores = scores.clamp(min=_LOWEST_SCORE).masked_fill(~active, 0.0)
    others = (active.sum() - 1).clamp(min=1)
    ratio = (scores.sum() - scores) / others / scores
    beta = torch.where(ratio > 1, beta_max, 2.0)
    factor = 1 + (beta - 1) * torch.tanh(alpha * (ratio - 1))
    return torch.where(active & (active.sum() > 1), factor, 1.0).to(scores.dtype)
