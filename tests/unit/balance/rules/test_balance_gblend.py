"""G-Blend: weights from generalisation and overfitting."""

import pytest

from vatt_harmony.balance.evidence import Validation
from vatt_harmony.balance.rules.gblend import GBlend, blend


def validation(scale: float) -> Validation:
    """Losses that fall with `scale`; the gap of audio grows fastest."""
    losses = {"fused": 2 - 0.3 * scale, "audio": 2 - 0.2 * scale, "video": 2 - 0.1 * scale}
    gaps = {"fused": 0.1 * scale, "audio": 0.4 * scale, "video": 0.1 * scale}
    return Validation(losses=losses, accuracies=losses, train_losses={n: losses[n] - gaps[n] for n in losses})


def test_weights_add_up_to_1_and_a_gap_that_does_not_move_stays_finite() -> None:
    weights = blend({"audio": 0.1, "fused": 0.1}, {"audio": 0.0, "fused": 0.1})
    assert sum(weights.values()) == pytest.approx(1) and weights["audio"] > 0.99
    assert blend({"audio": 0.0, "fused": 0.0}, {"audio": 0.1, "fused": 0.1}) == {"audio": 0.5, "fused": 0.5}


def test_it_starts_as_multi_loss_and_blends_after_each_super_epoch() -> None:
    rule = GBlend(super_epoch=2)
    names = ("audio", "video")
    assert rule.weights(names) == {"fused": 1, "audio": 1, "video": 1}
    rule.end_epoch(validation(0))
    assert rule.weights(names) == {"fused": 1, "audio": 1, "video": 1}
    rule.end_epoch(validation(1))
    weights = rule.weights(names)
    assert sum(weights.values()) == pytest.approx(3)
    assert weights["fused"] > weights["video"] > weights["audio"]
    other = GBlend(super_epoch=2)
    other.load_state_dict(rule.state_dict())
    for each in (rule, other):
        each.end_epoch(validation(1.5))
        each.end_epoch(validation(1.7))
    assert other.weights(names) == rule.weights(names) != weights
