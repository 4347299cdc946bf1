"""How well wrong clips are found by what training said of them: areas under ROC, single columns and fitted together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from vatt_harmony.demo.analysis import area_under_roc
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.study.clips import WRONG
from vatt_harmony.scale.study.observed import COLUMNS
from vatt_harmony.scale.study.visits import Values

LOSSES = tuple(name for name in COLUMNS if name.startswith("loss_"))
SINGLE = {
    "one-visit cosine": ("cosine_last", -1),
    "averaged cosine": ("cosine", -1),
    "video-audio loss": ("loss_va", 1),
    "video-text loss": ("loss_vt", 1),
}
"""Score -> (column, sign): higher means wrong."""
COSINES = tuple(name for name in COLUMNS if name.startswith("cosine"))
TOGETHER = {
    "losses together": LOSSES,
    "cosines together": COSINES,
    "losses and cosines": LOSSES + COSINES,
    "all together": COLUMNS,
}
PENALTY = 1.0
RESAMPLES = 500
Faults = NDArray[np.str_]


@dataclass(frozen=True, kw_only=True)
class Area:
    """Area under ROC with its 95 % bootstrap interval over clips."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Detection:
    """Wrong clips against some others, on the half of the clips that nothing was fitted on."""

    areas: dict[str, Area]
    """Score -> area."""
    by_fault: dict[str, dict[str, float]]
    """Score -> kind of wrong -> its area against the same others."""
    gain: Area
    """All together minus losses together, on the same resamples."""


def detect(columns: Values, faults: Faults, against: Sequence[str], seed: int = 0) -> Detection:
    """Search the wrong among the clips `[N]` whose fault is wrong or one of `against` ("" = clean).

    columns: `COLUMNS` of each clip `[N, C]`. A random half is fitted on, the other is scored.
    """
    chosen = np.isin(faults, [*WRONG, *against])
    columns, faults = columns[chosen], faults[chosen]
    wrong = np.isin(faults, WRONG)
    fitted = half(len(faults), seed)
    scores = {name: sign * columns[~fitted, COLUMNS.index(column)] for name, (column, sign) in SINGLE.items()}
    for name, used in TOGETHER.items():
        features = columns[:, [COLUMNS.index(column) for column in used]]
        scores[name] = fit(features[fitted], wrong[fitted])(features[~fitted])
    return summary(scores, wrong[~fitted], faults[~fitted], seed)


def fit(features: Values, labels: NDArray[np.bool_]) -> Callable[[Values], Values]:
    """Logistic regression with an L2 penalty on standardised features `[N, F]`, their squares and products."""
    mean, scale = np.nanmean(features, axis=0), np.nanstd(features, axis=0) + 1e-6

    def expanded(x: Values) -> Values:
        standard = np.nan_to_num((x - mean) / scale).clip(-5, 5)
        first, second = np.triu_indices(x.shape[1])
        return np.concatenate([standard, standard[:, first] * standard[:, second], np.ones((len(x), 1))], axis=1)

    x = expanded(features)
    sign = np.where(labels, 1.0, -1.0)
    # Both classes weigh the same, however rare one is.
    weight = np.where(labels, 0.5 / labels.mean(), 0.5 / (1 - labels.mean()))

    def objective(w: Values) -> tuple[float, Values]:
        margin = sign * (x @ w)
        penalty = PENALTY * np.append(w[:-1], 0.0)
        gradient = -(weight * sign * expit(-margin)) @ x + penalty
        return float((weight * np.logaddexp(0, -margin)).sum() + 0.5 * penalty @ w), gradient

    w = minimize(objective, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    return lambda asked: expanded(asked) @ w


def half(clips: int, seed: int) -> NDArray[np.bool_]:
    """A random half of the clips, bool `[N]`."""
    chosen = np.zeros(clips, bool)
    chosen[keyed_generator(seed, "study", "halves").permutation(clips)[: clips // 2]] = True
    return chosen


def summary(scores: Mapping[str, Values], wrong: NDArray[np.bool_], faults: Faults, seed: int) -> Detection:
    """Areas of scores `[N]`, higher meaning wrong, with intervals; "losses together" and "all together" among them."""
    generator = keyed_generator(seed, "study", "bootstrap")
    drawn: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(RESAMPLES):
        rows = generator.integers(0, len(wrong), len(wrong))
        for name, values in scores.items():
            drawn[name].append(area_under_roc(values[rows][wrong[rows]], values[rows][~wrong[rows]]))
    areas = {name: _area(area_under_roc(values[wrong], values[~wrong]), drawn[name]) for name, values in scores.items()}
    kinds = [kind for kind in WRONG if (faults == kind).any()]
    last, first = "all together", "losses together"
    return Detection(
        areas=areas,
        by_fault={
            name: {kind: area_under_roc(values[faults == kind], values[~wrong]) for kind in kinds}
            for name, values in scores.items()
        },
        gain=_area(areas[last].value - areas[first].value, np.subtract(drawn[last], drawn[first]).tolist()),
    )


def _area(value: float, drawn: Sequence[float]) -> Area:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Area(value=value, low=float(low), high=float(high))
