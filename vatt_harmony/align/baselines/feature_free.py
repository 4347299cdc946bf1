"""Five alignments that read no features: any claim stands beside them, since text length and time say much.

Each is a function of a sequence of two streams, with N clips and M sentences, and returns the owners `[N]`.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.data.labels import majority_labels
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Floats, Owners, owners_of
from vatt_harmony.align.truth import truth_of


def all_null(sequence: AlignmentSequence) -> Owners:
    """No clip belongs to any sentence."""
    return np.full(len(sequence.clips), NULL, dtype=np.int64)


def diagonal_by_count(sequence: AlignmentSequence) -> Owners:
    """Sentence floor(i M / N) for clip i."""
    clips, sentences = sequence.lengths
    return _sentences(np.arange(clips) * sentences // max(clips, 1), sequence)


def diagonal_by_time(sequence: AlignmentSequence) -> Owners:
    """Sentence floor(u M), u where the middle of the clip lies between the first start (0) and the last end (1)."""
    return _sentences((_place_in_time(sequence) * len(sequence.sentences)).astype(np.int64), sequence)


def words_by_time(sequence: AlignmentSequence) -> Owners:
    """The sentence that a narrator reads at the clip's middle, who reads all words at one speed over all clips."""
    words = np.array([len(text.split()) for text in sequence.sentences.texts], dtype=np.float64)
    read = np.cumsum(words) / max(words.sum(), 1)
    return _sentences(np.searchsorted(read, _place_in_time(sequence), side="right"), sequence)


def oracle(sequence: AlignmentSequence) -> Owners:
    """The truth as far as whole clips can tell it: the sentence that covers more than half of the clip."""
    truth = truth_of(sequence)
    return majority_labels(truth.clips, truth.spans) if truth.timed else owners_of(truth.partners, len(truth.clips))


FEATURE_FREE: Mapping[str, Callable[[AlignmentSequence], Owners]] = {
    "all null": all_null,
    "diagonal by count": diagonal_by_count,
    "diagonal by time": diagonal_by_time,
    "word share": words_by_time,
    "oracle": oracle,
}
READS_TIME = ("diagonal by time", "word share")
"""Rows that are defined only where the clips' times are known."""


def _place_in_time(sequence: AlignmentSequence) -> Floats:
    """Middle of each clip `[N]`, 0 at the start of the first and 1 at the end of the last."""
    spans = sequence.clips.spans
    if len(spans) == 0:
        return np.zeros(0)
    first, last = spans[0, 0], spans[-1, 1]
    places: Floats = (spans.mean(axis=1) - first) / max(last - first, np.finfo(float).tiny)
    return places


def _sentences(places: NDArray[np.int64], sequence: AlignmentSequence) -> Owners:
    """Places as sentences: the last one for what lies behind it; NULL where there is no sentence."""
    count = len(sequence.sentences)
    return np.minimum(places, count - 1).astype(np.int64) if count else all_null(sequence)
