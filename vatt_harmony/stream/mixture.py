"""Which source a slot of the sequence belongs to: a periodic table, exact to one sample at every prefix."""

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

QUANTUM = 2**16


class Mixture:
    """Maps a slot of the infinite sequence to (source, n-th draw of that source) in O(1), without state.

    Weights are quantised to integers; one period lays their slots out so that, after any number of slots,
    every source has its share to within one sample.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.names = [name for name in weights if weights[name] > 0]
        self.counts = quantise([weights[name] for name in self.names])
        self._source = lay_out(self.counts)
        self._draw = np.empty_like(self._source)
        for index, count in enumerate(self.counts):
            self._draw[self._source == index] = np.arange(count)

    def at(self, slot: int) -> tuple[str, int]:
        """Source of a slot, and how many slots of that source lie before it."""
        period, place = divmod(slot, len(self._source))
        source = int(self._source[place])
        return self.names[source], period * self.counts[source] + int(self._draw[place])

    def before(self, slot: int, name: str) -> int:
        """How many slots of a source lie before `slot`."""
        period, place = divmod(slot, len(self._source))
        source = self.names.index(name)
        return period * self.counts[source] + int(np.count_nonzero(self._source[:place] == source))


def quantise(weights: list[float]) -> list[int]:
    """Positive weights to integers without common divisor: exact if a sum of at most 2^16 allows, else the nearest.

    Weights mean what is written: 0.1 is a tenth.
    """
    exact = [Fraction(str(weight)) for weight in weights]
    shares = [weight / sum(exact) for weight in exact]
    period = math.lcm(*(share.denominator for share in shares))
    period = period if period <= QUANTUM else QUANTUM
    ideal = [share * period for share in shares]
    counts = [max(1, math.floor(share)) for share in ideal]
    missing = period - sum(counts)
    if missing < 0:
        counts[counts.index(max(counts))] += missing
    else:
        by_remainder = sorted(range(len(ideal)), key=lambda i: counts[i] - ideal[i])
        for index in by_remainder[:missing]:
            counts[index] += 1
    divisor = math.gcd(*counts)
    return [count // divisor for count in counts]


def lay_out(counts: list[int]) -> NDArray[np.int32]:
    """One period of source indices in which every prefix is within one sample of proportional.

    The chairman assignment of Tijdeman (Discrete Mathematics 32, 1980): of the sources that are due, the one
    whose deadline is nearest. Sorting ideal times instead may be off by half the number of sources.
    """
    if len(counts) == 1:
        return np.zeros(counts[0], dtype=np.int32)
    period, sources = sum(counts), range(len(counts))
    slack = period / (2 * len(counts) - 2)
    given = [0] * len(counts)
    layout = np.empty(period, dtype=np.int32)
    for slot in range(period):
        debts = [counts[s] * (slot + 1) - given[s] * period for s in sources]
        due = [s for s in sources if debts[s] >= slack]
        chosen = min(due, key=lambda s: (period - slack - debts[s]) / counts[s])
        given[chosen] += 1
        layout[slot] = chosen
    return layout
