import numpy as np
import pytest
from scipy import stats

from vatt_harmony.conflicts.chance import FEWEST_VISITS, discoveries, p_below_zero


@pytest.mark.parametrize("visits", [FEWEST_VISITS, 8, 40, 1000])
def test_p_values_are_those_of_the_t_test(visits):
    t = np.linspace(-8, 4, 200)
    p = p_below_zero(t / np.sqrt(visits), np.ones_like(t), np.full(len(t), visits))
    np.testing.assert_allclose(p, stats.t.cdf(t, visits - 1), atol=1e-3)


def test_too_little_evidence_is_no_evidence():
    p = p_below_zero(
        np.array([-0.9, -0.9, np.nan, -0.9]), np.array([0.1, np.nan, 0.1, 0.0]), np.array([FEWEST_VISITS - 1, 9, 9, 9])
    )
    assert p.tolist() == [1, 1, 1, 1]


def test_discoveries_are_those_of_benjamini_and_hochberg():
    p = np.random.default_rng(0).uniform(size=500) ** 2
    assert np.array_equal(discoveries(p, 0.05), stats.false_discovery_control(p) <= 0.05)
    assert discoveries(np.array([]), 0.05).size == 0
    assert not discoveries(np.array([0.5, 0.9]), 0.05).any()


def test_of_clips_without_conflict_hardly_any_is_found():
    """Two hundred corpora in which every clip's true mean is zero: chance finds something in about 5 % of them."""
    generator, clips, visits = np.random.default_rng(1), 100, 12
    found = 0
    for _ in range(200):
        cosines = generator.normal(0, 0.2, (clips, visits))
        p = p_below_zero(cosines.mean(axis=1), cosines.std(axis=1, ddof=1), np.full(clips, visits))
        found += discoveries(p, 0.05).any()
    assert found <= 22
