"""Means over test clips and seeds, how sure they are, and paired differences of arms."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.balance_study.records import Hits, Record, unpacked

DRAWS = 5_000
Reading = Callable[[Record], str]
"""Which hits of a record are meant."""
Table = Mapping[tuple[str, str, int, int], Record]
"""(task, arm, fold, seed) -> record."""


def table_of(records: Sequence[Record]) -> Table:
    """Records by what they are of."""
    return {(r.task, r.arm, r.fold, r.seed): r for r in records}


def hits(table: Table, task: str, arm: str, reading: Reading) -> Hits:
    """`[seeds, clips]` over all folds, 0 or 1. Raises ValueError where an arm has not all folds of a seed."""
    found = {(fold, seed): r for (t, a, fold, seed), r in table.items() if (t, a) == (task, arm)}
    folds, seeds = sorted({fold for fold, _ in found}), sorted({seed for _, seed in found})
    if not found or len(found) != len(folds) * len(seeds):
        raise ValueError(f"{arm} on {task} has {len(found)} records: {len(folds)} folds, {len(seeds)} seeds")
    rows = [[unpacked(reading(found[f, s]), found[f, s].clips) for f in folds] for s in seeds]
    return np.array([np.concatenate(row) for row in rows])


def fused(record: Record) -> str:
    """The fused output's hits."""
    return record.hits["fused"]


def output(name: str) -> Reading:
    """The hits of one output: a modality trained alone, or "ensemble"."""
    return lambda record: record.hits[name]


def probed(modality: str) -> Reading:
    """The hits of a probe of one encoder."""
    return lambda record: record.probes[modality]


def two_way(values: Hits) -> Interval:
    """Mean of `[seeds, clips]` in percent with its 95 % interval over clips AND seeds, both drawn anew.

    The bootstrap of crossed factors (Owen 2007) errs on the wide side. Clips and seeds are the same for all arms, so a
    difference of two such tables is paired in both.
    """
    by_seed, by_clip = _shares(*values.shape, DRAWS)
    drawn = np.einsum("ds,ds->d", by_seed, by_clip @ values.T)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(100 * float(values.mean()), 100 * float(low), 100 * float(high), values.shape[1])


@lru_cache(maxsize=4)
def _shares(seeds: int, clips: int, draws: int) -> tuple[Hits, Hits]:
    """Weights `[draws, seeds]` and `[draws, clips]`: drawing them is nearly all the work, and all arms share them."""
    generator = keyed_generator(0, "two-way bootstrap")
    by_seed, by_clip = (generator.multinomial(n, np.full(n, 1 / n), size=draws) / n for n in (seeds, clips))
    return by_seed, by_clip
