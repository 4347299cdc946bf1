"""Dynamic time warping: the cheapest path from the first clip and sentence to the last, which visits all of both."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.baselines.assignment import Assignment, cells_of, nearest
from vatt_harmony.align.baselines.lattice import MOVES, Edge, cheapest_path, of_cells
from vatt_harmony.align.sequence import Floats


def assign(distance: Floats) -> Assignment:
    """The sentence of each clip by `distance` `[N, M]`: of all that the clip visits the nearest, or first of equals."""
    return nearest(distance, cells_of(warp(distance), distance.shape))


def warp(distance: Floats) -> NDArray[np.int64]:
    """The cheapest path through `distance` `[N, M]`, nodes `[P, 3]`.

    D(i, j) = d(i, j) + min(D(i-1, j-1), D(i-1, j), D(i, j-1)), both corners fixed (Sakoe and Chiba, 1978).
    """
    cost = of_cells(distance)
    return cheapest_path([Edge(0, 0, move, cost) for move in MOVES], 1, starts=(0,), ends=(0,))[0]
