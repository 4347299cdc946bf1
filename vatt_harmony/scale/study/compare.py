"""Tables of the study: means with standard errors, paired comparisons, correction for several of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import stats

from vatt_harmony.scale.study.records import Record


@dataclass(frozen=True, kw_only=True)
class Mean:
    """Mean over seeds."""

    value: float
    error: float
    """Standard error."""
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ± {self.error:.3f}"


@dataclass(frozen=True, kw_only=True)
class Paired:
    """One arm minus another, paired by seed."""

    difference: Mean
    low: float
    high: float
    """95 % interval of the paired t test."""
    p_flip: float
    """Two-sided, exact sign flips."""
    p_t: float
    """Two-sided, paired t test."""


def mean(values: Sequence[float]) -> Mean:
    """Mean and its standard error; error NaN for one value."""
    n = len(values)
    error = float(np.std(values, ddof=1) / n**0.5) if n > 1 else float("nan")
    return Mean(value=float(np.mean(values)), error=error, n=n)


def paired(first: Mapping[int, float], second: Mapping[int, float]) -> Paired:
    """Compare two arms on the seeds both have; at least two."""
    seeds = sorted(first.keys() & second.keys())
    differences = np.array([first[seed] - second[seed] for seed in seeds])
    centre = mean(differences.tolist())
    reach = centre.error * float(stats.t.ppf(0.975, len(seeds) - 1))
    return Paired(
        difference=centre,
        low=centre.value - reach,
        high=centre.value + reach,
        p_flip=sign_flip(differences.tolist()),
        p_t=float(stats.ttest_1samp(differences, 0.0).pvalue),
    )


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p: share of all sign assignments whose mean is at least as far from 0 as the one observed."""
    signs = np.array(list(product((-1.0, 1.0), repeat=len(differences))))
    means = np.abs(signs @ np.asarray(differences))
    return float((means >= abs(sum(differences)) - 1e-12).mean())


def holm(values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p values: significant together at a level they do not exceed. Holm, 1979."""
    adjusted, highest = {}, 0.0
    for place, (name, p) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(values) - place) * p))
        adjusted[name] = highest
    return adjusted


def by_seed(records: Iterable[Record], measure: str, **wanted: object) -> dict[int, float]:
    """Seed -> `measure` of the records that have all `wanted` values (arm, share, clean, train)."""
    return {r["seed"]: r[measure] for r in records if all(r[name] == value for name, value in wanted.items())}
