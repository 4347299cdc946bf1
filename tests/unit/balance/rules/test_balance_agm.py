"""AGM: parts of the logits, and the sign of its coefficients."""

import copy
import io

import pytest
import torch
from support.balance_evidence import evidence, random_step

from vatt_harmony.balance.rules.agm import AGM, coefficient


@pytest.mark.parametrize("modalities", [2, 3])
def test_parts_add_up_to_the_fused_logits(modalities: int) -> None:
    step = random_step(modalities=modalities)
    parts = AGM().parts(step)
    assert torch.allclose(torch.stack(list(parts.values())).sum(0), step.logits)


def test_of_two_a_part_is_half_of_what_is_lost_without_it_and_what_is_left_without_the_other() -> None:
    step = random_step()
    f, without = step.logits, step.logits_without
    wanted = 0.5 * (f - without(frozenset({"audio"})) + without(frozenset({"video"})))
    assert torch.allclose(AGM().parts(step)["audio"], wanted)


def test_the_leading_modality_is_slowed() -> None:
    """Its sign is inverted in a published re-implementation."""
    losses, running = torch.tensor([0.5, 1.0]), torch.tensor([0.6, 0.9])
    k = coefficient(losses, running, 1.0, 10.0)
    assert k[0] < 1 < k[1]
    rule = AGM()
    rule.coefficients(evidence([0.7, 0.7]))
    k = rule.coefficients(evidence([0.5, 1.0]))  # losses: the first leads, and did not before
    assert k[0] < 1 < k[1]


def test_running_means_are_of_past_steps_and_zero_before_the_first() -> None:
    rule = AGM(alpha=1.0)
    first = rule.coefficients(evidence([0.5, 1.0]))
    assert first.tolist() == pytest.approx(coefficient(torch.tensor([0.5, 1.0]), torch.zeros(2), 1.0, 10.0).tolist())
    second = rule.coefficients(evidence([0.7, 0.8]))
    past = torch.tensor([0.5, 1.0])
    assert second.tolist() == pytest.approx(coefficient(torch.tensor([0.7, 0.8]), past, 1.0, 10.0).tolist())
    assert rule.state_dict()["running"]["audio"] == pytest.approx((0.6, 2))


def test_a_resumed_rule_goes_on_as_if_never_stopped() -> None:
    rule, other = AGM(), AGM()
    rule.coefficients(evidence([0.5, 1.0], present=[True, True]))
    file = io.BytesIO()
    torch.save(rule.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(copy.deepcopy(rule).coefficients(evidence([0.9, 0.3])), other.coefficients(evidence([0.9, 0.3])))


def test_a_missing_modality_gets_1_and_no_memory() -> None:
    rule = AGM()
    assert rule.coefficients(evidence([0.5, 1.0], present=[True, False])).tolist() == [1, 1]
    assert "video" not in rule.state_dict()["running"]


def test_losses_of_parts_are_floored() -> None:
    step = random_step()
    huge = step.features["audio"].detach() * 1e4
    step.features = {**step.features, "audio": huge}
    scores = AGM().sample_scores(step)
    assert scores.shape == (2, 12) and float(scores.max()) <= 18.43
