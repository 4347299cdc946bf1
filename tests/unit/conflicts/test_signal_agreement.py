"""Agreement of two signals' cosines on made values with known answers."""

import numpy as np
import pytest

from vatt_harmony.conflicts.agreement import agreement, correlation, equivalent, threshold

EXACT = np.random.default_rng(0).normal(0.0, 0.2, 400)


def test_a_signal_agrees_with_itself() -> None:
    found = agreement(EXACT, EXACT)
    assert [found[name].value for name in ("correlation", "sign agreement", "scale", "mean absolute error")] == (
        pytest.approx([1.0, 1.0, 1.0, 0.0])
    )


def test_a_signal_of_twice_the_scale() -> None:
    found = agreement(2 * EXACT, EXACT)
    assert found["scale"].value == pytest.approx(2.0)
    assert found["correlation"].value == pytest.approx(1.0)
    assert found["mean absolute error"].value == pytest.approx(np.abs(EXACT).mean())


def test_intervals_hold_the_value_and_the_truth() -> None:
    noisy = EXACT + np.random.default_rng(1).normal(0.0, 0.2, 400)
    found = agreement(noisy, EXACT)
    for estimate in found.values():
        assert estimate.low <= estimate.value <= estimate.high
    assert found["correlation"].low < 0.5**0.5 < found["correlation"].high
    assert agreement(noisy, EXACT) == found


def test_one_cosine_for_all_has_no_correlation() -> None:
    constant = np.full(400, 0.1)
    assert np.isnan(correlation(constant, EXACT))
    found = agreement(constant, EXACT)
    assert np.isnan(found["correlation"].low) and found["scale"].value == pytest.approx(0.0)
    assert found["sign agreement"].value == np.mean(EXACT >= 0)


def test_equivalent_thresholds_drop_the_same_share() -> None:
    other = 2 * EXACT + 0.1
    assert np.mean(other < threshold(other, 0.2)) == pytest.approx(0.2, abs=1 / 400)
    for gamma in (-0.3, 0.0, 0.2):
        assert equivalent(gamma, EXACT, other) == pytest.approx(2 * gamma + 0.1, abs=0.02)
    assert np.isnan(equivalent(-2.0, EXACT, other)) and np.isnan(equivalent(2.0, EXACT, other))
