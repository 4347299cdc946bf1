"""Intervals over films: known distributions, pairing, missing values."""

import numpy as np
import pytest

from vatt_harmony.align.bootstrap import bootstrap, group_means


def test_a_group_counts_once_however_many_sequences_it_has() -> None:
    values = np.array([[1.0, 0], [3, 2], [10, np.nan]])
    np.testing.assert_array_equal(group_means(values, ["b", "b", "a"]), [[10, np.nan], [2, 1]])


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(0).normal(5, 2, (400, 1))
    (interval,) = bootstrap(values)
    half = 1.96 * values.std() / 20
    assert interval.value == values.mean()
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_columns_are_drawn_together_so_that_a_constant_lead_is_certain() -> None:
    values = np.random.default_rng(0).random(12)
    one, other = bootstrap(np.stack([values, values + 0.25], axis=1))
    assert (other.low - one.low, other.high - one.high) == pytest.approx((0.25, 0.25))
    assert other.n == 12


def test_missing_values_leave_their_column_only() -> None:
    values = np.array([[1.0, 1], [np.nan, 2], [3, 3]])
    one, other = bootstrap(values)
    assert (one.value, one.n) == (2, 2)
    assert 1 <= one.low < one.high <= 3
    assert other.n == 3
    assert np.isnan(bootstrap(np.full((3, 1), np.nan))[0].value)


def test_one_film_has_no_interval() -> None:
    (one,) = bootstrap(np.array([[0.5], [np.nan]]))
    assert (one.value, one.n) == (0.5, 1)
    assert np.isnan(one.low) and np.isnan(one.high)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(0).random((9, 1))
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1) != bootstrap(values, seed=2)
