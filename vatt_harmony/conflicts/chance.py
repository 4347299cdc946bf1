"""Which means lie below zero by more than chance explains; pure functions."""

import numpy as np
import torch
from numpy.typing import NDArray

Values = NDArray[np.float64]
FEWEST_VISITS = 5
"""Visits from which the spread of a clip's own cosines says something."""


def p_below_zero(mean: Values, deviation: Values, visits: NDArray[np.int64]) -> Values:
    """One-sided p-values `[N]` of "the true mean is not below zero"; 1 where there is too little to judge by.

    mean and deviation (standard, of a single visit) over `visits` independent visits of each clip. Student's t by
    Wallace's normal approximation (Ann. Math. Stat. 30, 1959), within 1e-3 of the exact value from FEWEST_VISITS on.
    """
    judged = (visits >= FEWEST_VISITS) & (deviation > 0) & np.isfinite(mean)
    freedom = np.where(judged, visits - 1, 1).astype(np.float64)
    t = np.divide(mean * np.sqrt(visits), deviation, out=np.zeros_like(mean), where=judged)
    normal = (8 * freedom + 1) / (8 * freedom + 3) * np.sqrt(freedom * np.log1p(t**2 / freedom)) * np.sign(t)
    p: Values = torch.special.ndtr(torch.from_numpy(normal)).numpy()
    return np.where(judged, p, 1.0)


def discoveries(p: Values, rate: float) -> NDArray[np.bool_]:
    """Bool `[N]`, the hypotheses to reject so that about `rate` of the rejected are true (Benjamini, Hochberg 1995)."""
    order = np.argsort(p, kind="stable")
    below = np.flatnonzero(p[order] <= rate * np.arange(1, len(p) + 1) / max(len(p), 1))
    rejected = np.zeros(len(p), dtype=bool)
    if below.size:
        rejected[order[: below[-1] + 1]] = True
    return rejected
