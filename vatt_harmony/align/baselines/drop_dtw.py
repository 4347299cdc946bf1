"""Drop-DTW: every sentence owns consecutive clips, in order, and a clip that fits none is dropped at a cost.

Dvornik et al., NeurIPS 2021. Here a sentence's clips are contiguous and each clip has one sentence.
"""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.baselines.assignment import cells_of, nearest
from vatt_harmony.align.baselines.lattice import BOTH, CLIP, Edge, cheapest_path, edges, of_cells, of_clips
from vatt_harmony.align.sequence import Floats, Owners

MATCHED, DROPPED = 0, 1
TEMPERATURE = 10.0
"""As published. Every clip is either matched or dropped once, so the softmax's scale hardly decides anything here."""
_LEAST = 1e-5
"""Added to probabilities before the logarithm."""


def align(distance: Floats, keep: float) -> Owners:
    """Owners `[N]` by `distance` `[N, M]`; `keep` is the share of similarities above the one that drops a clip.

    With more sentences than clips not every sentence can own one: the two change places, and sentences are dropped.
    """
    if distance.shape[1] > distance.shape[0]:
        matched = _matched(*drop_costs(distance.T, keep)).T
    else:
        matched = _matched(*drop_costs(distance, keep))
    return nearest(distance, matched).owners


def drop_costs(distance: Floats, keep: float, temperature: float = TEMPERATURE) -> tuple[Floats, Floats]:
    """Costs of matching `[N, M]` and of dropping clips `[N]`: -log of a softmax over the sentences and "none".

    "None" has the smallest of the `keep` highest similarities of the table for a logit; similarity is 1 - distance.
    """
    similarity = 1 - distance
    kept = max(1, int(similarity.size * keep))
    none = np.partition(similarity.ravel(), -kept)[-kept]
    logits = np.concatenate([similarity, np.full((len(similarity), 1), none)], axis=1) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    cost = -np.log(weights / weights.sum(axis=1, keepdims=True) + _LEAST)
    return cost[:, :-1], cost[:, -1]


def _matched(cost: Floats, drop: Floats) -> NDArray[np.bool_]:
    return cells_of(drop_path(cost, drop)[0], cost.shape, MATCHED)


def drop_path(cost: Floats, drop: Floats) -> tuple[NDArray[np.int64], float]:
    """Cheapest path and its cost, for costs of matching `[N, M]` and of dropping clips `[N]`, N >= M.

    D+(i, j) = C(i, j) + min(D(i-1, j-1), D+(i-1, j)); D-(i, j) = d(i) + D(i-1, j); D = min(D+, D-).
    """
    match, dropped = of_cells(cost), of_clips(drop, cost.shape[1])
    recurrence = [
        *edges((MATCHED, DROPPED), MATCHED, BOTH, match),
        Edge(MATCHED, MATCHED, CLIP, match),
        *edges((MATCHED, DROPPED), DROPPED, CLIP, dropped),
    ]
    return cheapest_path(recurrence, states=2, starts=(DROPPED,), ends=(MATCHED, DROPPED))
