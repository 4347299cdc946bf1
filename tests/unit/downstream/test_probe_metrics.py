"""Weighted figures of class scores: equal to scikit-learn's, and to counting an item twice."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from vatt_harmony.downstream.probe_measures import Scored, measures
from vatt_harmony.downstream.probe_metrics import draws, ranking_figures, single_label_figures


def drawn(items: int = 60, classes: int = 7, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, items)
    truth = np.eye(classes, dtype=bool)[labels]
    scores = generator.normal(size=(items, classes)) + 1.2 * truth
    return (np.round(scores, 1) if ties else scores), truth


def test_single_label_figures_equal_scikit_learn() -> None:
    scores, truth = drawn()
    found = {name: value[0] for name, value in single_label_figures(scores, truth, np.ones((1, 60))).items()}
    labels, predicted = truth.argmax(axis=1), scores.argmax(axis=1)
    assert found["accuracy"] == (labels == predicted).mean()
    assert found["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert found["mAP"] == pytest.approx(average_precision_score(truth, scores, average="macro"))
    areas = roc_auc_score(truth, scores, average=None)
    assert found["d_prime"] == pytest.approx(np.mean(np.sqrt(2) * norm.ppf(areas)))
    assert found["accuracy"] < found["top5"] <= 1


def test_weight_two_is_the_item_twice() -> None:
    scores, truth = drawn()
    weights = np.random.default_rng(1).integers(0, 3, (2, 60)).astype(float)
    found = single_label_figures(scores, truth, weights)
    for row, counts in enumerate(weights.astype(int)):
        repeated = single_label_figures(scores.repeat(counts, 0), truth.repeat(counts, 0), np.ones((1, counts.sum())))
        for name, value in found.items():
            assert value[row] == pytest.approx(repeated[name][0]), name


def test_perfect_scores_stay_finite_and_undefined_classes_are_left_out() -> None:
    truth = np.eye(3, dtype=bool)[[0, 0, 1, 1]]
    found = single_label_figures(truth.astype(float), truth, np.ones((1, 4)))
    assert found["mAP"][0] == 1 and found["accuracy"][0] == 1 and found["macro_f1"][0] == 1
    assert found["d_prime"][0] == pytest.approx(np.sqrt(2) * norm.ppf(1 - 0.5 / 4))
    assert np.isnan(ranking_figures(np.zeros((2, 1)), np.zeros((2, 1), dtype=bool), np.ones((1, 2)))["mAP"]).all()


def test_folds_are_averaged_with_error_and_interval() -> None:
    scores, truth = drawn(ties=False)
    folds = [Scored(scores[:30], truth[:30]), Scored(scores[30:], truth[30:])]
    accuracies = [(fold.scores.argmax(1) == fold.truth.argmax(1)).mean() for fold in folds]
    found = measures(folds, seed=0)["accuracy"]
    assert found.value == pytest.approx(np.mean(accuracies))
    assert found.error == pytest.approx(abs(accuracies[0] - accuracies[1]) / 2)
    assert found.low < found.value < found.high
    assert measures(folds[:1], seed=0)["accuracy"].error is None
    several = measures([Scored(scores, truth | (scores > 1))], seed=0)
    assert set(several) == {"mAP", "d_prime"}


def test_draws_keep_the_number_of_items() -> None:
    parts = list(draws(9, seed=3, number=20))
    assert sum(map(len, parts)) == 20 and all((part.sum(axis=1) == 9).all() for part in parts)
    assert np.array_equal(np.concatenate(parts), np.concatenate(list(draws(9, seed=3, number=20))))


def test_the_interval_of_mean_average_precision_holds_the_value() -> None:
    """The plain percentile interval of few items lies above it."""
    generator = np.random.default_rng(5)
    truth = np.eye(10, dtype=bool)[generator.integers(0, 10, 80)]
    found = measures([Scored(generator.normal(size=(80, 10)), truth)], seed=0)
    assert all(measure.low < measure.value < measure.high for measure in found.values())
