"""Scores of samples for the curriculum; the lowest are dropped first."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vatt_harmony.harmony.config import Score
from vatt_harmony.randomness import keyed_int


def scores_of(
    kind: Score, losses: Mapping[str, Tensor], reference: Tensor | None, seed: int, step: int
) -> Tensor | None:
    """Scores `[B]` of the global batch; None for `conflict`, whose scores are the harmonizer's own cosines.

    losses: pair → loss of each sample `[B]`, NaN where not valid; reference: the reference model's summed losses `[B]`,
    for `learnability`. `random` depends on seed, step and row alone, hence not on the number of ranks. Sources:
    learnability: JEST, arXiv 2406.17711; loss: small-loss selection, arXiv 1804.06872.
    """
    if kind == "conflict":
        return None
    some = next(iter(losses.values()))
    if kind == "random":
        generator = torch.Generator().manual_seed(keyed_int(seed, "random score", step))
        return torch.rand(len(some), generator=generator).to(some.device)
    total = summed(losses)
    if kind == "loss":
        return -total
    if reference is None:
        raise ValueError("learnability needs the reference model's losses")
    return total - reference


def summed(losses: Mapping[str, Tensor]) -> Tensor:
    """Sum of each sample's valid losses `[B]`."""
    return torch.stack(list(losses.values())).nansum(dim=0)
