"""How sure a mean over films is: percentile bootstrap over groups, the same draws for every column."""

from collections.abc import Sequence

import numpy as np

from vatt_harmony.align.sequence import Floats
from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.randomness import keyed_generator

DRAWS = 10_000
_CELLS = 1 << 22  # resampling counts held at once (32 MiB)


def group_means(values: Floats, groups: Sequence[str]) -> Floats:
    """Means `[G, C]` of the rows of `values` `[K, C]` in each group, groups sorted; NaN values leave the mean."""
    names, members = np.unique(np.array(groups, dtype=np.str_), return_inverse=True)
    known = np.isfinite(values)
    sums, counts = np.zeros((len(names), values.shape[1])), np.zeros((len(names), values.shape[1]))
    np.add.at(sums, members, np.where(known, values, 0))
    np.add.at(counts, members, known)
    return _mean(sums, counts)


def bootstrap(values: Floats, seed: int = 0, draws: int = DRAWS, level: float = 0.95) -> list[Interval]:
    """Mean of each column of `values` `[G, C]`, a row a group, with its bootstrap interval; NaN rows leave a column.

    Groups are drawn together for all columns, so the interval of a difference of two columns is a paired one. A single
    group has a mean and no interval (NaN).
    """
    known = np.isfinite(values)
    filled, groups = np.where(known, values, 0), len(values)
    if groups == 0:
        return [Interval(np.nan, np.nan, np.nan, 0) for _ in range(values.shape[1])]
    generator, share = keyed_generator(seed, "bootstrap"), np.full(groups, 1 / groups)
    at_once, means = max(1, _CELLS // groups), []
    for start in range(0, draws, at_once):
        counts = generator.multinomial(groups, share, size=min(at_once, draws - start)).astype(np.float64)
        means.append(_mean(counts @ filled, counts @ known))
    drawn, tail = np.concatenate(means), (1 - level) / 2
    return [_interval(values[known[:, c], c], drawn[:, c], tail) for c in range(values.shape[1])]


def _mean(sums: Floats, counts: Floats) -> Floats:
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _interval(values: Floats, drawn: Floats, tail: float) -> Interval:
    if len(values) < 2:
        return Interval(float(values[0]) if len(values) else np.nan, np.nan, np.nan, len(values))
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return Interval(float(values.mean()), float(low), float(high), len(values))
