"""How much of an alignment is right by number: pure functions of pairs, for data without times or of texts alone.

Throughout: `owners` `[N]` the sentence of each clip, NULL for none; `pairs` `[P, 2]` the true ones, each once;
`lengths` N and M. A value is NaN where nothing could be measured.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.in_time import ratio
from vatt_harmony.align.sequence import NULL, Owners, pairs_of

Pairs = NDArray[np.int64]
Lengths = tuple[int, ...]


def one_to_one_accuracy(owners: Owners, pairs: Pairs, lengths: Lengths) -> tuple[float, float]:
    """Share of clips with a right partner or rightly none, and of sentences with exactly their clips."""
    found = pairs_of(owners)
    matched = _hits(found, pairs, lengths).sum()
    null = ((owners == NULL) & without_partner(pairs[:, 0], lengths[0])).sum()
    count = _Counts.of(found, pairs, lengths)
    exact = (count.shared == count.found) & (count.shared == count.true)
    return ratio(matched + null, lengths[0]), ratio(exact.sum(), lengths[1])


def set_iou(owners: Owners, pairs: Pairs, lengths: Lengths) -> float:
    """Mean over the sentences with clips of the intersection over union of their clips, true and found."""
    count = _Counts.of(pairs_of(owners), pairs, lengths)
    shared, union = count.shared, count.found + count.true - count.shared
    matched = count.true > 0
    return ratio(float((shared[matched] / union[matched]).sum()), int(matched.sum()))


def null_counts(called: NDArray[np.bool_], null: NDArray[np.bool_]) -> tuple[float, float]:
    """Precision and recall of items called null; both NaN where none is."""
    if not null.any():
        return float("nan"), float("nan")
    found = int((called & null).sum())
    return ratio(found, int(called.sum())), ratio(found, int(null.sum()))


def without_partner(partners: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Which of `count` items are not among `partners`."""
    alone: NDArray[np.bool_] = np.bincount(partners, minlength=count) == 0
    return alone


def pair_scores(found: Pairs, true: Pairs) -> tuple[float, float, float]:
    """Precision, recall and F1 of two items standing in one row, over S >= 2 streams: `[P, S]` and `[Q, S]`."""
    one, other = _together(found), _together(true)
    shared = len(one & other)
    precision, recall = ratio(shared, len(one)), ratio(shared, len(other))
    return precision, recall, ratio(2 * shared, len(one) + len(other))


@dataclass(frozen=True)
class _Counts:
    """Clips of each sentence `[M]`: those found, the true ones, and those that are both."""

    found: NDArray[np.int64]
    true: NDArray[np.int64]
    shared: NDArray[np.int64]

    @classmethod
    def of(cls, found: Pairs, true: Pairs, lengths: Lengths) -> "_Counts":
        shared = found[_hits(found, true, lengths)]
        return cls(*(np.bincount(pairs[:, 1], minlength=lengths[1]) for pairs in (found, true, shared)))


def _hits(found: Pairs, true: Pairs, lengths: Lengths) -> NDArray[np.bool_]:
    """Which found pairs are true."""
    return np.isin(found[:, 0] * lengths[1] + found[:, 1], true[:, 0] * lengths[1] + true[:, 1])


def _together(rows: Pairs) -> set[tuple[int, int, int, int]]:
    """(stream, item, other stream, other item) of every two items of a row."""
    return {
        (first, int(row[first]), second, int(row[second]))
        for row in rows
        for first, second in combinations(range(len(row)), 2)
        if row[first] != NULL and row[second] != NULL
    }
