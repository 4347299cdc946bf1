"""What a baseline says: a sentence for each clip and what it costs, so that dear ones can be made null afterwards."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.sequence import NULL, Floats, Owners


@dataclass(frozen=True)
class Assignment:
    """A sentence for each clip."""

    owners: Owners
    """`[N]`, NULL for none."""
    cost: Floats
    """`[N]`, distance to the sentence; 0 without one."""

    def within(self, threshold: float) -> Owners:
        """Owners `[N]` with every clip null that costs more than `threshold`."""
        return np.where(self.cost > threshold, NULL, self.owners).astype(np.int64)


def nearest(distance: Floats, visited: NDArray[np.bool_] | None = None) -> Assignment:
    """The nearest sentence of each clip, `distance` `[N, M]`, among those `visited` `[N, M]`, NULL where there is none.

    Of equally near ones the first.
    """
    allowed = distance if visited is None else np.where(visited, distance, np.inf)
    best = allowed.argmin(axis=1)
    cost = np.take_along_axis(allowed, best[:, None], axis=1)[:, 0]
    found = np.isfinite(cost)
    return Assignment(np.where(found, best, NULL).astype(np.int64), np.where(found, cost, 0.0))


def cells_of(path: NDArray[np.int64], shape: tuple[int, int], state: int = 0) -> NDArray[np.bool_]:
    """Which cells `[N, M]` the nodes `[P, 3]` of a path finish in `state`."""
    visited = np.zeros(shape, dtype=np.bool_)
    clips, sentences, _ = path[path[:, 2] == state].T
    visited[clips - 1, sentences - 1] = True
    return visited
