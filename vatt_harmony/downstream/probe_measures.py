"""Figures over folds, with their standard error over folds and their interval over items."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.downstream.probe_metrics import Array, Truth, draws, ranking_figures, single_label_figures


@dataclass(frozen=True)
class Scored:
    """The tested items of one fold."""

    scores: Array
    """[N, C]."""
    truth: Truth
    """[N, C]."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One figure."""

    value: float
    """Mean over the folds."""
    error: float | None
    """Standard error of that mean over folds; None for one fold."""
    low: float
    """Lower end of the 95 % bootstrap interval over items, each fold's drawn by itself, its bias taken away."""
    high: float


def measures(folds: Sequence[Scored], seed: int) -> dict[str, Measure]:
    """`accuracy`, `macro_f1`, `mAP` and `d_prime`; the last two alone where items have several classes."""
    single = all(bool((fold.truth.sum(axis=1) == 1).all()) for fold in folds)
    measured = single_label_figures if single else ranking_figures
    points = [measured(fold.scores, fold.truth, np.ones((1, len(fold.truth)))) for fold in folds]
    samples = []
    for number, fold in enumerate(folds):
        parts = [measured(fold.scores, fold.truth, weights) for weights in draws(len(fold.truth), seed + number)]
        samples.append({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    result = {}
    for name in points[0]:
        values = np.array([point[name][0] for point in points])
        drawn = np.mean([sample[name] for sample in samples], axis=0)
        # Items drawn twice tie with themselves, which lifts mAP and d′: the interval is moved back by that much.
        low, high = np.nanquantile(drawn, [0.025, 0.975]) - (np.nanmean(drawn) - values.mean())
        error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
        result[name] = Measure(value=float(values.mean()), error=error, low=float(low), high=float(high))
    return result
