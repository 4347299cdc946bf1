"""Needleman-Wunsch: clips and sentences one to one and in order, with gaps at one price on both sides."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.baselines.assignment import cells_of, nearest
from vatt_harmony.align.baselines.lattice import (
    BOTH,
    CLIP,
    SENTENCE,
    cheapest_path,
    edges,
    of_cells,
    of_clips,
    of_sentences,
)
from vatt_harmony.align.sequence import Floats, Owners

MATCHED, GAP = 0, 1


def align(distance: Floats, gap: float) -> Owners:
    """Owners `[N]` by `distance` `[N, M]`; a match is worth while where it costs less than two gaps."""
    clips, sentences = distance.shape
    path, _ = gap_path(distance, np.full(clips, float(gap)), np.full(sentences, float(gap)))
    return nearest(distance, cells_of(path, distance.shape, MATCHED)).owners


def gap_path(cost: Floats, clip_gap: Floats, sentence_gap: Floats) -> tuple[NDArray[np.int64], float]:
    """Cheapest path and its cost, for costs of matching `[N, M]` and of gaps `[N]` and `[M]`.

    D(i, j) = min(D(i-1, j-1) + C(i, j), D(i-1, j) + d(i), D(i, j-1) + d'(j)) (Needleman and Wunsch, 1970).
    """
    recurrence = [
        *edges((MATCHED, GAP), MATCHED, BOTH, of_cells(cost)),
        *edges((MATCHED, GAP), GAP, CLIP, of_clips(clip_gap, len(sentence_gap))),
        *edges((MATCHED, GAP), GAP, SENTENCE, of_sentences(sentence_gap, len(clip_gap))),
    ]
    return cheapest_path(recurrence, states=2, starts=(GAP,), ends=(MATCHED, GAP))
