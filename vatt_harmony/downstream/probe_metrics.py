"""Figures of class scores and their intervals: every figure is a function of how often each item counts."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from vatt_harmony.randomness import keyed_generator

Array = NDArray[np.float64]
Truth = NDArray[np.bool_]
DRAWS = 1000
CELLS = 1 << 21
"""Counts of items in resamples that are held at once (16 MiB)."""


def single_label_figures(scores: Array, truth: Truth, weights: Array) -> dict[str, Array]:
    """`accuracy`, `top5` (of more than five classes), `macro_f1`, `mAP` and `d_prime`, each [R], of one-class items.

    scores [N, C]; truth [N, C], one true value a row; weights [R, N]: how often each item counts in each resample.
    """
    predicted = np.eye(scores.shape[1], dtype=bool)[scores.argmax(axis=1)]
    right = weights @ (predicted & truth)
    told = {"accuracy": right.sum(axis=1) / weights.sum(axis=1)}
    if scores.shape[1] > 5:
        among = np.take_along_axis(truth, np.argsort(-scores, axis=1, kind="stable")[:, :5], axis=1).any(axis=1)
        told["top5"] = weights @ among / weights.sum(axis=1)
    either = weights @ predicted + weights @ truth
    f1 = 2 * np.divide(right, either, out=np.full_like(right, np.nan), where=either > 0)
    return told | {"macro_f1": np.nanmean(f1, axis=1)} | ranking_figures(scores, truth, weights)


def ranking_figures(scores: Array, truth: Truth, weights: Array) -> dict[str, Array]:
    """`mAP` and `d_prime`, each [R]: means over the classes that have positives (and, for d′, negatives).

    Arguments as in `single_label_figures`, with any number of true classes a row. d′ = √2 Φ⁻¹(AUC); a perfect AUC
    counts as half a wrong pair less, which keeps d′ finite. Source: evaluation code of VATT.
    """
    precisions, primes = [], []
    for column, positive in zip(scores.T, truth.T, strict=True):
        precision, prime = _of_class(column, positive, weights)
        precisions.append(precision)
        primes.append(prime)
    return {"mAP": _mean(precisions), "d_prime": _mean(primes)}


def draws(items: int, seed: int, number: int = DRAWS) -> Iterator[Array]:
    """Bootstrap weights [R, items] in parts, `number` rows in all; the same seed gives the same."""
    generator, at_once = keyed_generator(seed, "probe bootstrap"), max(1, CELLS // items)
    for start in range(0, number, at_once):
        rows = min(at_once, number - start)
        yield generator.multinomial(items, np.full(items, 1 / items), size=rows).astype(np.float64)


def _of_class(scores: Array, positive: NDArray[np.bool_], weights: Array) -> tuple[Array, Array]:
    """Average precision and d′ of one class, each [R]; NaN where they are not defined. Ties share a threshold."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    ranked = weights[:, order]
    true = np.cumsum(ranked * positive[order], axis=1)[:, last_of_tie]
    false = np.cumsum(ranked * ~positive[order], axis=1)[:, last_of_tie]
    positives, negatives = true[:, -1], false[:, -1]
    zero = np.zeros((len(weights), 1))
    gained, lost = np.diff(true, axis=1, prepend=zero), np.diff(false, axis=1, prepend=zero)
    precision = np.divide(true, true + false, out=np.zeros_like(true), where=true + false > 0)
    area = (lost * (true - gained / 2)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        average = (gained * precision).sum(axis=1) / positives
        margin = 0.5 / (positives * negatives)
        prime = np.sqrt(2) * norm.ppf(np.clip(area / (positives * negatives), margin, 1 - margin))
    return average, prime


def _mean(columns: list[Array]) -> Array:
    """Mean over the classes that are defined, [R]; NaN where none is."""
    values = np.array(columns)
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))
