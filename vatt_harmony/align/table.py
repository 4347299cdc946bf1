"""One table of methods over the same sequences: means over films, intervals, paired differences, pooled values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.bootstrap import bootstrap, group_means
from vatt_harmony.align.metrics import Scores, score
from vatt_harmony.align.sequence import AlignmentSequence, Floats, Owners
from vatt_harmony.align.truth import joined, truth_of
from vatt_harmony.downstream.intervals import Interval

Method = Callable[[AlignmentSequence], Owners]
"""Aligns a sequence of two streams: the sentence of each clip `[N]`."""


@dataclass(frozen=True)
class Table:
    """Scores of several methods on the same sequences; metrics are the names of the fields of `Scores`."""

    groups: tuple[str, ...]
    """The film of each sequence."""
    scores: Mapping[str, tuple[Scores, ...]]
    """Method -> its scores of each sequence."""
    pooled: Mapping[str, Scores]
    """Method -> its scores over all films joined to one, so that a second counts alike in all."""

    def values(self, method: str, metric: str) -> Floats:
        """One value a sequence `[K]`."""
        return np.array([getattr(each, metric) for each in self.scores[method]], dtype=np.float64)

    def intervals(self, metric: str, seed: int = 0) -> dict[str, Interval]:
        """Mean over films of every method with its 95 % bootstrap interval over films."""
        return self._bootstrap({method: self.values(method, metric) for method in self.scores}, seed)

    def differences(self, metric: str, of: str, seed: int = 0) -> dict[str, Interval]:
        """`of` minus each other method, paired by film: `of` is better where the low end is above 0."""
        own = self.values(of, metric)
        others = {method: own - self.values(method, metric) for method in self.scores if method != of}
        return self._bootstrap(others, seed)

    def _bootstrap(self, columns: Mapping[str, Floats], seed: int) -> dict[str, Interval]:
        if not columns:
            return {}
        values = group_means(np.stack(list(columns.values()), axis=1), self.groups)
        return dict(zip(columns, bootstrap(values, seed), strict=True))


def evaluate_methods(methods: Mapping[str, Method], sequences: Sequence[AlignmentSequence]) -> Table:
    """Align every sequence with every method and score it; sequences have two streams and a truth."""
    found = {name: [method(sequence) for sequence in sequences] for name, method in methods.items()}
    return table_of(found, sequences)


def table_of(found: Mapping[str, Sequence[Owners]], sequences: Sequence[AlignmentSequence]) -> Table:
    """The table of alignments that exist: for each method the owners `[N]` of each sequence."""
    truths = [truth_of(sequence) for sequence in sequences]
    return Table(
        groups=tuple(sequence.group for sequence in sequences),
        scores={name: tuple(map(score, truths, each)) for name, each in found.items()},
        pooled={name: score(*joined(truths, each)) for name, each in found.items()},
    )
