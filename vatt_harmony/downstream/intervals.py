"""How sure a retrieval figure is: bootstrap intervals over clips, and paired differences of two runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vatt_harmony.downstream.retrieval import Retrieval
from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_generator

_CELLS = 1 << 22  # resampling counts held at once (32 MiB)


@dataclass(frozen=True)
class Interval:
    """A mean with the interval that holds `level` of its bootstrap distribution, over `n` clips."""

    value: float
    low: float
    high: float
    n: int


def bootstrap_mean(values: npt.ArrayLike, seed: int, draws: int = 10_000, level: float = 0.95) -> Interval:
    """Mean of `values` [N] with its percentile bootstrap interval; the same seed gives the same interval.

    Raises ValueError when `values` is empty.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        raise ValueError("values is empty: a mean needs at least one clip")
    generator, share = keyed_generator(seed, "bootstrap"), np.full(x.size, 1 / x.size)
    at_once, means = max(1, _CELLS // x.size), []
    for start in range(0, draws, at_once):
        counts = generator.multinomial(x.size, share, size=min(at_once, draws - start))
        means.append(counts @ x / x.size)
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(x.mean()), float(low), float(high), x.size)


def recall_interval(retrieval: Retrieval, k: int, seed: int = 0) -> Interval:
    """R@k (fraction) with its 95 % bootstrap interval over clips."""
    return bootstrap_mean(retrieval.hits(k).numpy(), seed)


def recall_difference(run: Retrieval, baseline: Retrieval, k: int, seed: int = 0) -> Interval:
    """R@k of `run` minus R@k of `baseline`, paired by clip, with its 95 % bootstrap interval.

    Clips that share a key are paired in their order. Raises UserError when the two were measured on different clips.
    """
    clips, others = _occurrences(run.keys), _occurrences(baseline.keys)
    if set(clips) != set(others):
        raise UserError(
            f"The two runs were evaluated on {len(run.keys)} and {len(baseline.keys)} clips that are not the same",
            "Their difference would mix the model's effect with the data's",
            "Evaluate both on the same shards with the same windows",
        )
    other = dict(zip(others, baseline.hits(k).tolist(), strict=True))
    paired = [other[clip] for clip in clips]
    return bootstrap_mean(run.hits(k).numpy() - np.asarray(paired), seed)


def _occurrences(keys: Sequence[str]) -> list[tuple[str, int]]:
    """Each key with how often it came before."""
    seen: Counter[str] = Counter()
    pairs = []
    for key in keys:
        pairs.append((key, seen[key]))
        seen[key] += 1
    return pairs
