"""MSLR: rates from validation accuracies."""

import pytest
import torch
from support.balance_evidence import evidence

from vatt_harmony.balance.evidence import Validation
from vatt_harmony.balance.rules.mslr import MSLR


def after(rule: MSLR, accuracies: list[float]) -> float:
    for accuracy in accuracies:
        figures = {"fused": 0.9, "audio": accuracy, "video": 0.5}
        rule.end_epoch(Validation(losses=figures, accuracies=figures, train_losses=figures))
    return float(rule.coefficients(evidence([0.5, 0.5]))[0])


def test_the_ratio_is_1_until_the_memory_is_full() -> None:
    assert MSLR().coefficients(evidence([0.5, 0.5])).tolist() == pytest.approx([0.9, 1.1])
    assert after(MSLR(), [0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx(0.9)


def test_a_rising_accuracy_raises_the_rate() -> None:
    assert after(MSLR(), [0.5] * 5 + [0.6]) == pytest.approx(1.08)


def test_it_goes_on_where_it_stopped() -> None:
    rule, other = MSLR(memory=2), MSLR(memory=2)
    after(rule, [0.4, 0.5])
    other.load_state_dict(rule.state_dict())
    assert after(rule, [0.6]) == after(other, [0.6])
    assert torch.equal(rule.coefficients(evidence([0.5, 0.5])), other.coefficients(evidence([0.5, 0.5])))
