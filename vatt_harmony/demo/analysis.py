"""What the numbers of the two runs say: pure functions on ranks, cosines and losses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

WRONG = ("caption swapped", "half wrong", "sound swapped")
"""Faults that make a sample contradict itself."""
HARD = "hard"
"""The fault that does not: everything is right, but dark, blurred and noisy."""


@dataclass(frozen=True, kw_only=True)
class Visits:
    """What training said about each sample, averaged over its visits."""

    keys: tuple[str, ...]
    cosine: Values
    """Agreement of its losses' gradients `[N]`; NaN where it was never measured."""
    loss: Values
    """Sum of its losses `[N]`."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """How well one score tells wrong samples from others, as areas under the ROC curve (0.5 = chance)."""

    against_hard: float
    against_rest: float
    """Against all samples that are not wrong, the hard ones among them."""
    by_fault: dict[str, float]
    """Each kind of wrong against hard."""


def area_under_roc(positive: Values, negative: Values) -> float:
    """Chance that a positive scores above a negative, ties counting half; NaN without either. Mann-Whitney."""
    positive, negative = positive[~np.isnan(positive)], negative[~np.isnan(negative)]
    if not positive.size or not negative.size:
        return float("nan")
    ordered = np.sort(negative)
    below, not_above = np.searchsorted(ordered, positive, "left"), np.searchsorted(ordered, positive, "right")
    return float((below + not_above).mean() / 2 / negative.size)


def average_visits(keys: Sequence[str], cosines: Values, losses: Mapping[str, Values]) -> Visits:
    """One row a visit -> one row a sample; the losses of a sample are averaged one by one, then added."""
    names, rows = np.unique(np.asarray(keys, dtype=str), return_inverse=True)
    total = np.zeros(len(names))
    for values in losses.values():
        total += _mean_by(rows, values, len(names))
    return Visits(keys=tuple(names.tolist()), cosine=_mean_by(rows, cosines, len(names)), loss=total)


def found(scores: Values, faults: Sequence[str]) -> Found:
    """Areas for `scores` `[N]`, higher meaning wrong, of samples with the recorded `faults` ("" = clean)."""
    kinds = np.asarray(faults, dtype=str)
    wrong = np.isin(kinds, WRONG)
    return Found(
        against_hard=area_under_roc(scores[wrong], scores[kinds == HARD]),
        against_rest=area_under_roc(scores[wrong], scores[~wrong]),
        by_fault={kind: area_under_roc(scores[kinds == kind], scores[kinds == HARD]) for kind in WRONG},
    )


def _mean_by(rows: npt.NDArray[np.intp], values: Values, count: int) -> Values:
    """Mean of `values` in each group, without NaN; NaN for a group that has nothing else."""
    known = ~np.isnan(values)
    sums = np.bincount(rows[known], values[known], count)
    numbers = np.bincount(rows[known], minlength=count)
    means: Values = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)
    return means
