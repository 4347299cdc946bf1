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


def correlation(cosines: Values, exact: Values) -> Values:
    """Pearson's r; NaN if one of the two does not vary."""
    one, other = (values - values.mean(axis=-1, keepdims=True) for values in (cosines, exact))
    norm = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return np.where(norm > 1e-12, (one * other).sum(axis=-1) / np.maximum(norm, 1e-12), np.nan)


def sign_agreement(cosines: Values, exact: Values) -> Values:
    """Share of samples that both call a conflict, or both none."""
    return np.asarray(((cosines < 0) == (exact < 0)).mean(axis=-1))


def scale(cosines: Values, exact: Values) -> Values:
    """Ratio of the standard deviations; NaN if the exact ones do not vary."""
    spread = exact.std(axis=-1)
    return np.where(spread > 1e-12, cosines.std(axis=-1) / np.maximum(spread, 1e-12), np.nan)


def error(cosines: Values, exact: Values) -> Values:
    """Mean absolute difference."""
    return np.asarray(np.abs(cosines - exact).mean(axis=-1))


MEASURES: dict[str, Callable[[Values, Values], Values]] = {
    "correlation": correlation,
    "sign agreement": sign_agreement,
    "scale": scale,
    "mean absolute error": error,
}
"""Each of two signals' cosines `[..., N]` of the same samples."""


def agreement(cosines: Values, exact: Values, seed: int = 0) -> dict[str, Estimate]:
    """`MEASURES` of one signal's cosines `[N]` against the exact ones of the same samples, in their order."""
    rows = keyed_generator(seed, "calibrate").integers(len(exact), size=(DRAWS, len(exact)))
    found = {}
    for name, measure in MEASURES.items():
        drawn = measure(cosines[rows], exact[rows])
        defined = drawn[np.isfinite(drawn)]
        low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) else (np.nan, np.nan)
        found[name] = Estimate(value=float(measure(cosines, exact)), low=float(low), high=float(high))
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
