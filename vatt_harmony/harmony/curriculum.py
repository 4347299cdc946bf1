"""Curriculum: which samples are left out, judged by the cosine of their losses' gradients."""

import math
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
    """Float64 `[B, M]`: 0 for dropped losses, the normalisation by the kept share for the others of the pairs."""
    empty: Tensor
    """Bool scalar: the curriculum would have left no valid loss of any sample."""


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


def keep_mask(cosines: Tensor, config: CurriculumConfig, step: int) -> Tensor:
    """Samples that the curriculum keeps, bool `[B]`, from the cosines `[B]` of the global batch, NaN = not a pair.

    Samples that are no pair are always kept. `threshold` keeps cosines > gamma. `quantile` drops exactly ⌊q·pairs⌋, the
    lowest cosines; of equal ones those with the lower row, hence position, so that all ranks and world sizes agree.
    """
    value = level(config, step)
    paired = ~cosines.isnan()
    if value is None:
        return torch.ones_like(paired)
    if config.kind == "threshold":
        return ~paired | (cosines > value)
    order = cosines.masked_fill(~paired, float("inf")).argsort(stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    # 0.29 · 100 is 28.999… in floating point.
    dropped = (value * paired.sum(dtype=torch.float64) + 1e-9).floor()
    return rank >= dropped


def select(cosines: Tensor, valid: Tensor, droppable: Tensor, config: CurriculumConfig, step: int) -> Selection:
    """Decide on the whole batch what is dropped, and how the rest makes up for it.

    cosines `[B]`, NaN = not a pair; valid bool `[B, M]`; droppable bool `[M]`: losses that a dropped sample loses.
    If no valid loss of any sample is left, `on_empty: plain` keeps the batch as a whole.
    """
    keep = keep_mask(cosines, config, step)
    left = valid & (keep[:, None] | ~droppable)
    empty = valid.any() & ~left.any()
    if config.on_empty == "plain":
        keep = keep | empty
    factors = torch.ones_like(valid, dtype=torch.float64)
    if config.normalise == "kept":
        paired = ~cosines.isnan()
        share = (keep & paired).sum(dtype=torch.float64) / paired.sum().clamp(min=1)
        factors = torch.where(paired[:, None] & droppable, 1 / share.clamp(min=KEPT_SHARE_FLOOR), factors)
    return Selection(keep, factors.masked_fill(~keep[:, None] & droppable, 0.0), empty)
