"""How cosines are distributed over the steps of a run: counts only, however long the run."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COSINE_BINS = 400
STEP_BINS = 48
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Visit:
    """Some visits with a cosine: their step, the row of their clip, and the cosine, each `[V]`."""

    step: NDArray[np.int64]
    row: NDArray[np.int64]
    cosine: NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """Visits counted by step and cosine."""

    edges: NDArray[np.float64]
    """Of the bins of steps `[S + 1]`: bin s holds the steps above edge s, up to edge s + 1."""
    counts: Counts
    """`[S, COSINE_BINS]`."""

    def quantiles(self) -> NDArray[np.float64]:
        """QUANTILES of the cosine in each bin of steps `[S, Q]`; NaN where it has no visit."""
        return np.array([_quantiles(counts) for counts in self.counts])


def count_visits(parts: Iterable[Visit], wanted: NDArray[np.bool_], last_step: int) -> History:
    """Count the visits, from step 1 to `last_step`, of the clips `wanted` (bool by row `[N]`)."""
    bins = min(STEP_BINS, last_step)
    edges = np.linspace(0, last_step, bins + 1)
    counts = np.zeros(bins * COSINE_BINS, np.int64)
    for part in parts:
        time = np.clip(np.searchsorted(edges, part.step, side="left") - 1, 0, bins - 1)
        place = np.clip(((part.cosine + 1) / 2 * COSINE_BINS).astype(np.int64), 0, COSINE_BINS - 1)
        counts += np.bincount((time * COSINE_BINS + place)[wanted[part.row]], minlength=len(counts))
    return History(edges, counts.reshape(bins, COSINE_BINS))


def _quantiles(counts: Counts) -> list[float]:
    """By linear interpolation inside the bin of cosines that a quantile falls into."""
    total = counts.sum()
    if not total:
        return [float("nan")] * len(QUANTILES)
    reached = np.r_[0, np.cumsum(counts)] / total
    edges = np.linspace(-1, 1, len(counts) + 1)
    return [float(np.interp(share, reached, edges)) for share in QUANTILES]
