"""Areas, averages over visits, and what is found, on cases worked out by hand."""

import numpy as np
import pytest

from vatt_harmony.demo.analysis import area_under_roc, average_visits, found

NAN = float("nan")


def values(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float64)


@pytest.mark.parametrize(
    ("positive", "negative", "area"),
    [
        (values(2, 3), values(0, 1), 1.0),
        (values(0, 1), values(2, 3), 0.0),
        (values(1, 1), values(1, 1), 0.5),
        (values(1, 3), values(2, NAN), 0.5),
        (values(1, 2, 2), values(2, 0), 4 / 6),
    ],
)
def test_area_counts_pairs_in_order(positive: np.ndarray, negative: np.ndarray, area: float) -> None:
    assert area_under_roc(positive, negative) == pytest.approx(area)


def test_area_without_samples_is_not_a_number() -> None:
    assert np.isnan(area_under_roc(values(1), values()))
    assert np.isnan(area_under_roc(values(NAN), values(1)))


def test_visits_are_averaged_by_key_and_losses_added() -> None:
    visits = average_visits(
        ["b", "a", "b", "c"],
        values(0.5, -1.0, 0.1, NAN),
        {"video_audio": values(1, 2, 3, 4), "video_text": values(10, 20, NAN, 40)},
    )
    assert visits.keys == ("a", "b", "c")
    np.testing.assert_allclose(visits.cosine, [-1.0, 0.3, NAN])
    np.testing.assert_allclose(visits.loss, [22, 12, 44])


def test_found_separates_wrong_from_hard_and_from_the_rest() -> None:
    faults = ["caption swapped", "half wrong", "sound swapped", "hard", "hard", ""]
    result = found(values(9, 4, 5, 3, 6, 1), faults)
    assert result.against_hard == pytest.approx((2 + 1 + 1) / 6)
    assert result.against_rest == pytest.approx((3 + 2 + 2) / 9)
    assert result.by_fault == {"caption swapped": 1.0, "half wrong": 0.5, "sound swapped": 0.5}
