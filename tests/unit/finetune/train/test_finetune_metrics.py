import numpy as np
import pytest

from vatt_harmony.finetune.train.metrics import (
    calibration_error,
    figures,
    mean_of_views,
    softmax,
    top_k,
)


def test_classification_by_hand():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]]))
    told = figures("classification", logits, np.array([0, 0, 2, 1]))
    assert told["accuracy"] == 0.75 and "top5" not in told
    # F1 of class 0: 2/3, of class 1: 2/3, of class 2: 1.
    assert told["f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    # Confidences .7 right, .5 wrong, .4 right, .8 right, each alone in its bin.
    assert told["ece"] == pytest.approx((0.3 + 0.5 + 0.6 + 0.2) / 4)
    assert told["loss"] == pytest.approx(-np.log([0.7, 0.4, 0.4, 0.8]).mean())


def test_calibration_pools_a_bin_and_a_border_belongs_below():
    right = np.array([True, False, True, True])
    assert calibration_error(np.full(4, 0.75), right) == pytest.approx(0)
    assert calibration_error(np.array([0.2, 0.19, 0.21, 0.21]), right, bins=5) == pytest.approx(
        (abs(0.5 - 0.195) * 2 + abs(1 - 0.21) * 2) / 4
    )


def test_top_five():
    logits = np.tile(np.arange(8.0), (3, 1))
    assert top_k(logits, np.array([7, 3, 2]), 5) == pytest.approx(2 / 3)
    assert figures("classification", logits, np.array([7, 3, 2]))["top5"] == pytest.approx(2 / 3)


def test_multilabel_by_hand():
    targets = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1], [0, 0, 1]])
    logits = np.array([[2.0, -1, 1], [1.0, -1, 1], [0.5, -1, 1], [-1.0, -1, 1]])
    told = figures("multilabel", logits, targets)
    # Class 0 ranks + - + -: precision (1 + 2/3) / 2, area 3/4; class 1 never occurs; class 2 always: precision 1.
    assert told["map"] == pytest.approx((5 / 6 + 1) / 2)
    assert told["auc"] == pytest.approx(0.75)
    assert told["d_prime"] == pytest.approx(0.95387, abs=1e-5)  # √2 Φ⁻¹(.75)
    assert told["accuracy"] == pytest.approx(11 / 12)
    assert told["loss"] == pytest.approx(-np.log(1 / (1 + np.exp(-logits * (2 * targets - 1)))).mean())


def test_a_perfect_area_has_a_finite_d_prime_and_an_undefined_one_is_nan():
    perfect = figures("multilabel", np.array([[1.0], [-1.0]]), np.array([[1], [0]]))
    assert perfect["auc"] == 1 and perfect["d_prime"] == 0  # one pair, half of it wrong
    assert np.isnan(figures("multilabel", np.array([[1.0], [-1.0]]), np.array([[1], [1]]))["auc"])


def test_regression_by_hand():
    told = figures("regression", np.array([[1.0], [3.0]]), np.array([2.0, 5.0]))
    assert told == pytest.approx({"mae": 1.5, "mse": 2.5, "correlation": 1.0, "loss": 1.5})


def test_views_are_averaged_and_probabilities_sum_to_one():
    outputs = np.arange(12.0).reshape(6, 2)
    assert np.array_equal(mean_of_views(outputs, 2), [[2, 3], [8, 9]])
    assert np.allclose(softmax(outputs * 1000).sum(1), 1)
