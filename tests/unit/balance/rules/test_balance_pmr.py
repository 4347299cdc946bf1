"""PMR: prototypes and the loss of the weaker modality."""

import dataclasses

import pytest
import torch
from support.balance_evidence import evidence, random_step
from torch.nn import functional as F

from vatt_harmony.balance.rules.pmr import PMR, prototype_logits, renewed
from vatt_harmony.balance.task import MultiLabel
from vatt_harmony.errors import UserError


def test_prototypes_are_means_by_class_and_move_by_four_fifths() -> None:
    sums, counts = torch.tensor([[2.0, 4.0], [0.0, 0.0]]), torch.tensor([2.0, 0.0])
    first = renewed(None, sums, counts)
    assert first.tolist() == [[1, 2], [1, 2]]  # the class that was not seen gets the mean of all
    second = renewed(torch.tensor([[0.0, 0.0], [5.0, 5.0]]), sums, counts)
    assert torch.allclose(second, torch.tensor([[0.8, 1.6], [5.0, 5.0]]))


def test_the_weaker_modality_is_drawn_to_the_prototypes_of_the_first_steps() -> None:
    rule, step = PMR(alpha=2.0, prototype_steps=1), random_step()
    assert rule.extra_loss(step, evidence([1.0, 1.0])) is None  # nothing is known yet, now it is
    scores = rule.sample_scores(step).mean(1).tolist()
    loss = rule.extra_loss(step, evidence(scores))
    weaker = "audio" if scores[0] < scores[1] else "video"
    z = step.features[weaker]
    prototypes = rule.state_dict()["prototypes"][weaker]
    assert torch.allclose(prototypes[1].double(), z[step.targets == 1].detach().mean(0), atol=1e-6)
    assert loss is not None
    assert torch.allclose(loss, 2 * F.cross_entropy(prototype_logits(z, prototypes), step.targets).to(loss))
    torch.autograd.backward(loss)
    stronger = step.features["video" if weaker == "audio" else "audio"]
    assert z.grad is not None and bool(z.grad.any()) and (stronger.grad is None or not stronger.grad.any())


def test_each_epoch_renews_the_prototypes_once() -> None:
    rule = PMR(prototype_steps=1)
    rule.extra_loss(random_step(0), evidence([1.0, 1.0]))
    first = rule.state_dict()["prototypes"]["audio"].clone()
    rule.extra_loss(random_step(1), evidence([0.5, 0.4]))
    assert torch.equal(rule.state_dict()["prototypes"]["audio"], first)
    resumed = PMR(prototype_steps=1)
    resumed.load_state_dict(rule.state_dict())
    for each in (rule, resumed):
        each.extra_loss(random_step(1, epoch=1), evidence([0.5, 0.4]))
    assert not torch.equal(rule.state_dict()["prototypes"]["audio"], first)
    assert torch.equal(rule.state_dict()["prototypes"]["audio"], resumed.state_dict()["prototypes"]["audio"])


def test_a_task_without_classes_is_refused() -> None:
    step = dataclasses.replace(random_step(), task=MultiLabel(3))
    with pytest.raises(UserError, match="without classes"):
        PMR().sample_scores(step)
