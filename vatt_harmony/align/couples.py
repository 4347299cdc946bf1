"""Sequences of more than two streams as sequences of two: what the scores and baselines of clips and sentences read."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from vatt_harmony.align.by_count import Pairs
from vatt_harmony.align.sequence import NULL, AlignmentSequence


def couples(sequence: AlignmentSequence) -> list[AlignmentSequence]:
    """A sequence of two streams for every two of S; of two it is the sequence itself, of the same group always."""
    if len(sequence.streams) == 2:
        return [sequence]
    truths = [None] * len(_two_of(sequence)) if sequence.pairs is None else [*pairs_of_couples(sequence.pairs)]
    return [
        replace(
            sequence, name=f"{sequence.name}.{first}{second}", streams=(streams[first], streams[second]), pairs=pairs
        )
        for streams in [sequence.streams]
        for (first, second), pairs in zip(_two_of(sequence), truths, strict=True)
    ]


def pairs_of_couples(pairs: Pairs) -> Iterator[Pairs]:
    """Rows `[P, S]` as pairs `[Q, 2]` of every two streams, in the order of `couples`."""
    for columns in combinations(range(pairs.shape[1]), 2):
        two = pairs[:, columns]
        yield two[(two != NULL).all(axis=1)]


def _two_of(sequence: AlignmentSequence) -> list[tuple[int, int]]:
    return list(combinations(range(len(sequence.streams)), 2))
