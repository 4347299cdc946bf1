"""OTAM: all sentences in order on consecutive clips; clips before the first and after the last are free."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.baselines.assignment import cells_of, nearest
from vatt_harmony.align.baselines.lattice import BOTH, CLIP, Edge, cheapest_path, edges, of_cells, of_clips
from vatt_harmony.align.sequence import Floats, Owners

MATCHED, BEFORE, AFTER = range(3)


def align(distance: Floats) -> Owners:
    """Owners `[N]` by `distance` `[N, M]`; there is no parameter.

    With more sentences than clips not every sentence can own one: the two change places, and every clip owns some.
    """
    swap = distance.shape[1] > distance.shape[0]
    cost = distance.T if swap else distance
    visited = cells_of(otam_path(cost)[0], cost.shape, MATCHED)
    return nearest(distance, visited.T if swap else visited).owners


def otam_path(cost: Floats) -> tuple[NDArray[np.int64], float]:
    """Cheapest path and its cost, for costs of matching `[N, M]`, N >= M.

    D(i, j) = C(i, j) + min(D(i-1, j-1), D(i-1, j)), D(i, 0) = 0, and a free sentence behind the last (Cao et al., CVPR
    2020).
    """
    match, free = of_cells(cost), of_clips(np.zeros(len(cost)), cost.shape[1])
    recurrence = [
        *edges((MATCHED, BEFORE), MATCHED, BOTH, match),
        Edge(MATCHED, MATCHED, CLIP, match),
        Edge(BEFORE, BEFORE, CLIP, free),
        *edges((MATCHED, AFTER), AFTER, CLIP, free),
    ]
    return cheapest_path(recurrence, states=3, starts=(BEFORE,), ends=(MATCHED, AFTER))
