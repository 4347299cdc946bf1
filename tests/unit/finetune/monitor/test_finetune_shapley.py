"""Exact Shapley values."""

import itertools
import random

import pytest

from vatt_harmony.finetune.monitor.shapley import Coalition, shapley_values, subsets


def by_orders(value: dict[Coalition, float], modalities: tuple[str, ...]) -> dict[str, float]:
    """The definition: the mean gain over all orders of arrival."""
    totals = dict.fromkeys(modalities, 0.0)
    orders = list(itertools.permutations(modalities))
    for order in orders:
        for place, name in enumerate(order):
            before = frozenset(order[:place])
            totals[name] += (value[before | {name}] - value[before]) / len(orders)
    return totals


@pytest.mark.parametrize("modalities", [("audio",), ("audio", "video"), ("audio", "text", "video"), tuple("abcd")])
def test_values_are_mean_gains_over_orders_and_add_up(modalities: tuple[str, ...]) -> None:
    generator = random.Random(0)
    value = {subset: generator.random() for subset in subsets(modalities)}
    assert len(value) == 2 ** len(modalities)
    found = shapley_values(value.__getitem__, modalities)
    assert found == pytest.approx(by_orders(value, modalities))
    assert sum(found.values()) == pytest.approx(value[frozenset(modalities)] - value[frozenset()])


def test_two_modalities_share_what_they_only_have_together() -> None:
    """MLB's formula: phi_a = (f - f without a + f without v - f without both) / 2."""
    value = {frozenset(): 0.1, frozenset("a"): 0.6, frozenset("v"): 0.3, frozenset("av"): 0.9}
    found = shapley_values(value.__getitem__, ("a", "v"))
    assert found == pytest.approx({"a": 0.5 * (0.9 - 0.3 + 0.6 - 0.1), "v": 0.5 * (0.9 + 0.3 - 0.6 - 0.1)})


def test_one_that_adds_nothing_is_worth_nothing() -> None:
    found = shapley_values(lambda present: 0.2 + 0.5 * ("audio" in present), ("audio", "video"))
    assert found == pytest.approx({"audio": 0.5, "video": 0.0})
