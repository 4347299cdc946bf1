import numpy as np
import pytest

from vatt_harmony.config import from_mapping
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.draw_weights import distribution, draw_weights, ranks
from vatt_harmony.harmony.ledger_config import LedgerConfig

CONFIG = LedgerConfig(p_min=0.25, ramp=(0.2, 0.6), n_min=3, decay=100)


def weights(n_obs=5, last_step=50, pct=0.4, config=CONFIG, step=50):
    return draw_weights(np.atleast_1d(n_obs), np.atleast_1d(last_step), np.atleast_1d(pct), config, step)


def test_it_rises_from_p_min_to_1_over_the_ramp():
    percentiles = np.array([0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0])
    rising = weights(np.full(7, 5), np.full(7, 50), percentiles)
    np.testing.assert_allclose(rising, 0.25 + 0.75 * np.array([0, 0, 0.25, 0.5, 0.75, 1, 1]))


def test_few_visits_and_unknown_samples_are_neutral():
    neutral = weights(pct=0.5)
    assert weights(n_obs=2, pct=0.0) == weights(n_obs=2, pct=1.0) == neutral
    assert weights(n_obs=0, last_step=0, pct=np.nan) == neutral
    assert weights(n_obs=3, pct=0.0) < neutral < weights(n_obs=3, pct=1.0)


def test_what_is_known_halves_towards_neutral():
    assert weights(pct=0.3, step=150) == pytest.approx(weights(pct=0.4))
    assert weights(pct=0.3, step=100_000) == pytest.approx(weights(pct=0.5))


def test_no_weight_is_below_p_min():
    generator = np.random.default_rng(0)
    drawn = draw_weights(
        generator.integers(0, 9, 500), generator.integers(0, 99, 500), generator.random(500), CONFIG, 99
    )
    assert drawn.min() >= 0.25 and drawn.max() <= 1


def test_samples_are_ranked_by_what_is_asked_for():
    cosine, ease = np.array([0.5, 0.4, 0.6, 0.5]), np.array([0.2, 0.9, 0.3, 0.2])
    np.testing.assert_allclose(ranks(cosine, ease, "conflict"), [0.5, 0, 1, 0.5])
    np.testing.assert_allclose(ranks(cosine, ease, "loss"), [1 / 6, 1, 2 / 3, 1 / 6])
    np.testing.assert_allclose(ranks(cosine, ease, "both"), [1 / 6, 1, 2 / 3, 1 / 6])
    assert ranks(cosine[:1], ease[:1], "both") == [0.0] and len(ranks(cosine[:0], ease[:0], "both")) == 0


def test_distribution():
    assert distribution(np.full(4, 0.7)) == pytest.approx(
        {"effective_share": 1.0, "lowest_rate": 1.0, "highest_rate": 1.0}
    )
    assert distribution(np.array([1.0, 0.5])) == pytest.approx(
        {"effective_share": 0.9, "lowest_rate": 2 / 3, "highest_rate": 4 / 3}
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("p_min", 0.1),
        ("p_min", 1.5),
        ("refresh", 0),
        ("n_min", 0),
        ("decay", 0),
        ("ramp", [0.5, 0.5]),
        ("ramp", [-1, 1]),
        ("score", "conflicts"),
    ],
)
def test_values_out_of_range_are_named(key, value):
    with pytest.raises(UserError, match=f"ledger.{key} is"):
        from_mapping(LedgerConfig, {key: value}, "harmony.ledger")
