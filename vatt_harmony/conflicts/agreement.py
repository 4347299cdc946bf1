"""How well one signal's cosines stand for another's, and which thresholds of the two drop the same share; pure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.randomness import keyed_generator

Values = NDArray[np.float64]
DRAWS = 1000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % bootstrap interval over the samples; NaN where it is not defined."""

    value: float
    low: float
    high: float


def correlation(cosines: Values, exact: Values) -> float:
    """Pearson's r; NaN if one of the two does not vary."""
    if min(np.ptp(cosines), np.ptp(exact)) == 0:
        return float("nan")
    return float(np.corrcoef(cosines, exact)[0, 1])


def sign_agreement(cosines: Values, exact: Values) -> float:
    """Share of samples that both call a conflict, or both none."""
    return float(np.mean((cosines < 0) == (exact < 0)))


def scale(cosines: Values, exact: Values) -> float:
    """Ratio of the standard deviations."""
    spread = float(exact.std())
    return float(cosines.std()) / spread if spread else float("nan")


def error(cosines: Values, exact: Values) -> float:
    """Mean absolute difference."""
    return float(np.abs(cosines - exact).mean())


MEASURES: dict[str, Callable[[Values, Values], float]] = {
    "correlation": correlation,
    "sign agreement": sign_agreement,
    "scale": scale,
    "mean absolute error": error,
}


def agreement(cosines: Values, exact: Values, seed: int = 0) -> dict[str, Estimate]:
    """`MEASURES` of one signal's cosines `[N]` against the exact ones of the same samples, in their order."""
    generator = keyed_generator(seed, "calibrate")
    draws = [generator.integers(len(exact), size=len(exact)) for _ in range(DRAWS)]
    found = {}
    for name, measure in MEASURES.items():
        drawn = np.array([measure(cosines[rows], exact[rows]) for rows in draws])
        defined = drawn[np.isfinite(drawn)]
        low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) else (float("nan"), float("nan"))
        found[name] = Estimate(value=measure(cosines, exact), low=float(low), high=float(high))
    return found


def threshold(cosines: Values, share: float) -> float:
    """The gamma below which this share of the cosines lies."""
    return float(np.quantile(cosines, share))


def equivalent(gamma: float, exact: Values, cosines: Values) -> float:
    """The threshold of a signal that drops as many samples as `gamma` of the exact one; NaN if that drops none or all.

    The share is what carries over between signals, and is what a curriculum of kind `quantile` is given.
    """
    share = float(np.mean(exact < gamma))
    return threshold(cosines, share) if 0 < share < 1 else float("nan")
