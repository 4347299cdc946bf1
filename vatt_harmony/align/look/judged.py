"""Two streams as they have been aligned, item by item, and what is right about it where the truth is known."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.couples import couples
from vatt_harmony.align.decode import Prediction
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Owners, Stream, owners_of

Verdict = Literal["right", "partly", "wrong", "unknown"]
Pair = tuple[int, int]
TOUCHING = 2e-3
"""Seconds between two clips that still count as one interval: times are written in whole milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An alignment of two streams; the upper one has the times, such as clips, the lower one the sentences."""

    sequence: AlignmentSequence
    """Of these two streams."""
    pairs: dict[Pair, float]
    """Upper and lower item, and the probability of the step that put them together."""

    @property
    def name(self) -> str:
        """Of the sequence."""
        return self.sequence.name

    @property
    def upper(self) -> Stream:
        """The first stream."""
        return self.sequence.streams[0]

    @property
    def lower(self) -> Stream:
        """The second stream."""
        return self.sequence.streams[1]

    @property
    def owners(self) -> Owners:
        """The lower item of each upper one `[N]`, the first one where it has several."""
        return owners_of(np.array(sorted(self.pairs), dtype=np.int64).reshape(-1, 2), len(self.upper))

    @cached_property
    def truth(self) -> frozenset[Pair] | None:
        """The pairs that belong together; None where that is not known."""
        return None if self.sequence.pairs is None else frozenset(map(_pair, self.sequence.pairs))

    @cached_property
    def found(self) -> tuple[list[list[int]], list[list[int]]]:
        """For each upper and for each lower item its partners, in order."""
        return self._partners(self.pairs)

    @cached_property
    def true(self) -> tuple[list[list[int]], list[list[int]]] | None:
        """The same by the truth."""
        return None if self.truth is None else self._partners(self.truth)

    @property
    def missed(self) -> list[Pair]:
        """Pairs of the truth that were not found."""
        return sorted((self.truth or frozenset()) - self.pairs.keys())

    def verdict(self, pair: Pair) -> Verdict:
        """Whether a pair belongs together."""
        return "unknown" if self.truth is None else "right" if pair in self.truth else "wrong"

    def verdicts(self, side: int) -> list[Verdict]:
        """For each item of the upper (0) or lower (1) stream, whether it has all its partners and no other."""
        if self.true is None:
            return ["unknown"] * len(self.found[side])
        return [_compare(found, true) for found, true in zip(self.found[side], self.true[side], strict=True)]

    def intervals(self, item: int) -> list[tuple[float, float]]:
        """The union of the times of a lower item's partners, in seconds, in order; partners without are left out."""
        spans = self.upper.spans[self.found[1][item]]
        return _union(spans[np.isfinite(spans).all(1)].tolist())

    def _partners(self, pairs: Iterable[Pair]) -> tuple[list[list[int]], list[list[int]]]:
        above: list[list[int]] = [[] for _ in range(len(self.upper))]
        below: list[list[int]] = [[] for _ in range(len(self.lower))]
        for upper, lower in sorted(pairs):
            above[upper].append(lower)
            below[lower].append(upper)
        return above, below


def judge(sequence: AlignmentSequence, prediction: Prediction) -> list[Judged]:
    """Every two streams of a sequence: one for clips and sentences, more where there are more streams."""
    columns = itertools.combinations(range(len(sequence.streams)), 2)
    return [
        _of_couple(couple, prediction.pairs[:, two], prediction.probabilities)
        for couple, two in zip(couples(sequence), columns, strict=True)
    ]


def _of_couple(couple: AlignmentSequence, pairs: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Judged:
    both = np.flatnonzero((pairs != NULL).all(axis=1))
    return Judged(sequence=couple, pairs={_pair(pairs[row]): float(probabilities[row]) for row in both})


def _pair(row: NDArray[np.int64]) -> Pair:
    return int(row[0]), int(row[1])


def _compare(found: Sequence[int], true: Sequence[int]) -> Verdict:
    if set(found) == set(true):
        return "right"
    return "partly" if set(found) & set(true) else "wrong"


def _union(spans: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    union: list[tuple[float, float]] = []
    for start, end in sorted((span[0], span[1]) for span in spans):
        if union and start <= union[-1][1] + TOUCHING:
            union[-1] = union[-1][0], max(union[-1][1], end)
        else:
            union.append((start, end))
    return union
