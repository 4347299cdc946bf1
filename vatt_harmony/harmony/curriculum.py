"""Curriculum: which samples of a global batch are left out, the lowest scores first, and how the rest makes up."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vatt_harmony.harmony.config import CurriculumConfig

KEPT_SHARE_FLOOR = 0.1
"""Normalisation by the kept share enlarges a step at most ten times."""


class Selection(NamedTuple):
    """Outcome of the curriculum for one global batch."""

    keep: Tensor
    """Bool `[B]`, false = dropped."""
    factors: Tensor
    """`[B, M]`, or `[B, 1]` if it is the same for all losses: 0 for dropped losses, the normalisation by the kept share
    for the others of the pairs."""
    empty: Tensor | None
    """Bool scalar: the curriculum would have left no valid loss of any sample; None where that cannot be."""


def level(config: CurriculumConfig, step: int) -> float | None:
    """Threshold or dropped share at a step; None while nothing may be dropped (no curriculum, or before t0)."""
    first, last = (config.q0, config.q1) if config.kind == "quantile" else (config.gamma0, config.gamma1)
    if first is None or config.t0 is None or step < config.t0:
        return None
    if last is None or config.t1 is None:
        return first
    progress = min((step - config.t0) / (config.t1 - config.t0), 1.0)
    if config.shape == "cosine":
        progress = (1 - math.cos(math.pi * progress)) / 2
    return first + (last - first) * progress


def select(
    scores: Tensor, valid: Tensor, droppable: Sequence[bool], config: CurriculumConfig, step: int
) -> Selection | None:
    """Decide on the whole batch what is dropped; None while nothing may be dropped.

    scores `[B]`, the lowest are dropped first, NaN = no pair, always kept; valid bool `[B, M]`; droppable: losses that
    a dropped sample loses. `threshold` keeps scores above gamma. `quantile` drops exactly ⌊q·pairs⌋, the lowest; of
    equal ones those with the lower row, hence position, so that all ranks and world sizes agree. If no valid loss of
    any sample is left, `on_empty: plain` keeps the batch as a whole.
    """
    value = level(config, step)
    if value is None:
        return None
    paired = scores == scores  # not NaN
    pairs = paired.sum(dtype=torch.float64)
    if config.kind == "threshold":
        keep = ~(scores <= value)
        kept = (keep & paired).sum(dtype=torch.float64)
    else:
        # 0.29 · 100 is 28.999… in floating point.
        dropped = (pairs * value + 1e-9).floor()
        # Ranks: the order of the order. NaN comes last.
        keep = scores.argsort(stable=True).argsort() >= dropped
        kept = pairs - dropped
    empty = None
    if config.kind == "threshold" or value == 1.0:
        left = [valid[:, m] & keep if lost else valid[:, m] for m, lost in enumerate(droppable)]
        empty = valid.any() & ~torch.stack(left).any()
        if config.on_empty == "plain":
            keep, kept = keep | empty, torch.where(empty, pairs, kept)
    return Selection(keep, _factors(keep, paired, pairs / kept, droppable, config, scores.dtype), empty)


def _factors(
    keep: Tensor, paired: Tensor, enlarged: Tensor, droppable: Sequence[bool], config: CurriculumConfig, to: torch.dtype
) -> Tensor:
    factors = keep.to(to)
    if config.normalise == "kept":
        # Without any pair the quotient is 0 / 0, and nobody takes it.
        factors = torch.where(paired, factors * enlarged.clamp(max=1 / KEPT_SHARE_FLOOR).to(to), factors)
    if all(droppable):
        return factors[:, None]
    return torch.stack([factors if lost else torch.ones_like(factors) for lost in droppable], dim=1)
