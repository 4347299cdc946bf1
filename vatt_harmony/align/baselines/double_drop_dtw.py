"""Drop-DTW that drops clips and sentences: for data where some sentences are shown by nothing."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.baselines.assignment import cells_of, nearest
from vatt_harmony.align.baselines.drop_dtw import drop_costs
from vatt_harmony.align.baselines.lattice import (
    BOTH,
    CLIP,
    SENTENCE,
    Edge,
    cheapest_path,
    edges,
    of_cells,
    of_clips,
    of_sentences,
)
from vatt_harmony.align.sequence import Floats, Owners

MATCHED, NO_CLIP, NO_SENTENCE, NEITHER = range(4)
"""The newest clip and sentence: matched; the clip dropped, the sentence not; the reverse; both dropped."""


def align(distance: Floats, keep: float, temperature: float) -> Owners:
    """Owners `[N]` by `distance` `[N, M]`; costs of matching and dropping as in `drop_dtw.drop_costs`, both ways."""
    cost, drop_clip = drop_costs(distance, keep, temperature)
    _, drop_sentence = drop_costs(distance.T, keep, temperature)
    path, _ = double_drop_path(cost, drop_clip, drop_sentence)
    return nearest(distance, cells_of(path, distance.shape, MATCHED)).owners


def double_drop_path(cost: Floats, drop_clip: Floats, drop_sentence: Floats) -> tuple[NDArray[np.int64], float]:
    """Cheapest path and its cost, for costs of matching `[N, M]`, of dropping clips `[N]` and sentences `[M]`."""
    match = of_cells(cost)
    clip, sentence = of_clips(drop_clip, len(drop_sentence)), of_sentences(drop_sentence, len(drop_clip))
    recurrence = [
        *edges((MATCHED, NO_CLIP, NO_SENTENCE, NEITHER), MATCHED, BOTH, match),
        Edge(MATCHED, MATCHED, CLIP, match),
        *edges((MATCHED, NO_SENTENCE), MATCHED, SENTENCE, match),
        *edges((MATCHED, NO_CLIP), NO_CLIP, CLIP, clip),
        *edges((MATCHED, NO_SENTENCE), NO_SENTENCE, SENTENCE, sentence),
        *edges((NO_SENTENCE, NEITHER), NEITHER, CLIP, clip),
        *edges((NO_CLIP, NEITHER), NEITHER, SENTENCE, sentence),
    ]
    starts = (NO_CLIP, NO_SENTENCE, NEITHER)
    return cheapest_path(recurrence, states=4, starts=starts, ends=(MATCHED, *starts))
