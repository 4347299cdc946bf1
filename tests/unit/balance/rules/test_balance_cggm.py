"""CGGM: coefficients from gains of accuracy."""

import pytest
from support.balance_evidence import evidence

from vatt_harmony.balance.rules.cggm import CGGM


def gains(rule: CGGM, before: list[float], after: list[float]) -> list[float]:
    rule.coefficients(evidence(before))
    return rule.coefficients(evidence(after)).tolist()


def test_who_gained_most_is_slowed() -> None:
    assert gains(CGGM(), [0.1, 0.1, 0.1], [0.2, 0.15, 0.15]) == pytest.approx([0.65, 0.975, 0.975])


def test_without_a_gain_in_sum_nothing_changes() -> None:
    """The published formula divides by the sum of the gains."""
    assert gains(CGGM(), [0.2, 0.2], [0.1, 0.3]) == [1, 1]
    assert gains(CGGM(), [0.2, 0.2], [0.1, 0.1]) == [1, 1]


def test_it_is_bounded_and_needs_two_modalities() -> None:
    assert gains(CGGM(largest=5), [0.2, 0.5], [0.9, 0.0]) == pytest.approx([0, 4.55])
    rule = CGGM()
    rule.coefficients(evidence([0.2, 0.5], present=[True, False]))
    assert rule.coefficients(evidence([0.3, 0.6])).tolist() == [1, 1]
    assert rule.state_dict()["last"] == pytest.approx({"audio": 0.3, "video": 0.6})
