"""Linear SVM and logistic regression on frozen features, C chosen on validation items."""

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from vatt_harmony.downstream.probe_metrics import Array, Truth, ranking_figures

LinearKind = Literal["svm", "logistic"]
STRENGTHS = tuple(10.0**power for power in range(-5, 2))
"""Values of C that are tried; of equal ones the smallest, which regularises most, is kept."""
Scorer = Callable[[Array], Array]
"""Features [N, D] -> scores [N, C]."""


def fit_linear(kind: LinearKind, train: tuple[Array, Truth], val: tuple[Array, Truth]) -> tuple[Scorer, float]:
    """Fit on `train`, choose C by accuracy (mAP, where items have several classes) on `val`, fit again on both.

    Each part is (features [N, D], classes [N, C]); features are standardised by the part that is fitted. Scores are
    probabilities of the logistic regression, distances from the planes of the SVM. Returns the scorer and C.
    """
    strength = max(STRENGTHS, key=lambda c: _quality(_fitted(kind, c, *train), *val))
    both = np.concatenate([train[0], val[0]]), np.concatenate([train[1], val[1]])
    return _fitted(kind, strength, *both), strength


def _fitted(kind: LinearKind, strength: float, features: Array, truth: Truth) -> Scorer:
    single = bool((truth.sum(axis=1) == 1).all())
    base: Any = (
        LinearSVC(C=strength, max_iter=5000, random_state=0)
        if kind == "svm"
        else LogisticRegression(C=strength, max_iter=1000)
    )
    model = make_pipeline(StandardScaler(), base if single else OneVsRestClassifier(base))
    with warnings.catch_warnings():
        # The weakest regularisation may not converge on separable features; validation then passes it over.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, truth.argmax(axis=1) if single else truth)
    known: NDArray[Any] = np.asarray(model.classes_)

    def score(given: Array) -> Array:
        raw = model.decision_function(given) if kind == "svm" else model.predict_proba(given)
        columns = np.stack([-raw, raw], axis=1) if raw.ndim == 1 else raw
        # A class without a training item is never the answer.
        scores = np.full((len(given), truth.shape[1]), -np.inf if kind == "svm" else 0.0)
        scores[:, known] = columns
        return scores

    return score


def _quality(scorer: Scorer, features: Array, truth: Truth) -> float:
    scores = scorer(features)
    if (truth.sum(axis=1) == 1).all():
        return float(truth[np.arange(len(truth)), scores.argmax(axis=1)].mean())
    return float(ranking_figures(scores, truth, np.ones((1, len(truth))))["mAP"][0])
