"""Figures of outputs against targets: accuracy, top 5, macro F1, ECE; mAP, AUC, d′; errors of a regression."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

Array = NDArray[Any]
BINS = 15
"""Of confidence, for the expected calibration error."""


def figures(kind: str, logits: Array, targets: Array) -> dict[str, float]:
    """Figures of `kind` (classification, multilabel or regression).

    `logits` `[N, C]`; `targets` integers `[N]`, or 0 and 1 `[N, C]`, or numbers `[N]` or `[N, C]`. A figure that the
    targets leave undefined, such as the AUC of a class without positives, is left out of the mean, or is NaN.
    """
    return KINDS[kind](logits.astype(np.float64), targets)


def score(kind: str, logits: Array, targets: Array) -> float:
    """The one figure by which outputs are compared, higher is better: accuracy, mAP, or minus the squared error."""
    if kind == "classification":
        return float((logits.argmax(1) == targets).mean())
    if kind == "multilabel":
        return mean_precision(logits, targets)
    return -float(np.square(logits - targets.reshape(logits.shape)).mean())


def classification(logits: Array, targets: Array) -> dict[str, float]:
    """Accuracy, accuracy of the five most probable classes (where there are more), macro F1, ECE, and the mean loss."""
    probabilities = softmax(logits)
    predicted = logits.argmax(1)
    told = {"accuracy": float((predicted == targets).mean())}
    if logits.shape[1] > 5:
        told["top5"] = top_k(logits, targets, 5)
    true = np.take_along_axis(probabilities, targets[:, None], 1)
    return told | {
        "f1": float(f1_score(targets, predicted, average="macro", zero_division=0)),
        "ece": calibration_error(probabilities.max(1), predicted == targets),
        "loss": float(-np.log(np.maximum(true, 1e-12)).mean()),
    }


def multilabel(logits: Array, targets: Array) -> dict[str, float]:
    """mAP, AUC and d′, means over classes that occur; macro F1 at probability 0.5, accuracy of single labels, loss.

    d′ = √2 Φ⁻¹(AUC) per class; a perfect AUC counts as half a wrong pair of samples less, so that d′ stays finite.
    Source: evaluation code of VATT.
    """
    targets = targets.astype(np.int64)
    positives = targets.sum(0)
    both = np.flatnonzero((positives > 0) & (positives < len(targets)))
    pairs = positives[both] * (len(targets) - positives[both])
    areas = np.array([roc_auc_score(targets[:, c], logits[:, c]) for c in both])
    margin = 0.5 / np.maximum(pairs, 1)
    predicted = (logits > 0).astype(np.int64)
    return {
        "map": mean_precision(logits, targets),
        "auc": _mean(areas),
        "d_prime": _mean(np.sqrt(2) * norm.ppf(np.clip(areas, margin, 1 - margin))),
        "f1": float(f1_score(targets, predicted, average="macro", zero_division=0)),
        "accuracy": float((predicted == targets).mean()),
        "loss": float((np.logaddexp(0, logits) - logits * targets).mean()),
    }


def regression(outputs: Array, targets: Array) -> dict[str, float]:
    """Mean absolute error, which is the loss, mean squared error, and the correlation over all outputs."""
    targets = targets.reshape(outputs.shape).astype(np.float64)
    defined = outputs.size > 1 and outputs.std() > 0 and targets.std() > 0
    correlation = np.corrcoef(outputs.ravel(), targets.ravel())[0, 1] if defined else float("nan")
    return {
        "mae": float(np.abs(outputs - targets).mean()),
        "mse": float(np.square(outputs - targets).mean()),
        "correlation": float(correlation),
        "loss": float(np.abs(outputs - targets).mean()),
    }


def top_k(logits: Array, targets: Array, k: int) -> float:
    """Share of samples whose class is among the `k` largest logits."""
    largest = np.argpartition(-logits, k - 1, axis=1)[:, :k]
    return float((largest == targets[:, None]).any(1).mean())


def mean_precision(logits: Array, targets: Array) -> float:
    """mAP: average precision of 0 and 1 `[N, C]`, mean over the classes that occur."""
    occurring = np.flatnonzero(targets.any(0))
    return _mean([average_precision_score(targets[:, c], logits[:, c]) for c in occurring])


def calibration_error(confidence: Array, right: Array, bins: int = BINS) -> float:
    """ECE: |accuracy − mean confidence| over equal bins of confidence `[N]`, weighted by their shares of samples.

    A confidence on the border of two bins belongs to the lower one. Source: Guo et al., ICML 2017.
    """
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(places, weights=right.astype(np.float64) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def softmax(logits: Array) -> Array:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


def mean_of_views(outputs: Array, samples: int) -> Array:
    """Outputs `[samples x views, C]`, views of a sample in a row, to their means `[samples, C]`."""
    return np.asarray(outputs.reshape(samples, -1, outputs.shape[-1]).mean(1))


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


KINDS: Mapping[str, Callable[[Array, Array], dict[str, float]]] = {
    "classification": classification,
    "multilabel": multilabel,
    "regression": regression,
}
