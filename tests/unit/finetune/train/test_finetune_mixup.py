import numpy as np
import pytest
import torch
from torch.nn import functional as F

from vatt_harmony.balance.task import Classification, MultiLabel
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.collate import FinetuneBatch
from vatt_harmony.finetune.train.mixup import Blended, blend


def test_inputs_and_targets_are_blended_by_the_same_shares():
    batch = FinetuneBatch(
        inputs={"audio": torch.eye(4), "text": torch.arange(4)[:, None]},
        present={name: torch.ones(4, dtype=torch.bool) for name in ("audio", "text")},
        targets=torch.arange(4),
        keys=("a", "b", "c", "d"),
    )
    mixed = blend(batch, 1.0, 4, np.random.default_rng(0))
    assert torch.equal(mixed.inputs["audio"], mixed.targets)  # both were the unit matrix
    assert torch.allclose(mixed.targets.sum(1), torch.ones(4))
    assert (mixed.targets.diagonal() >= 0.5).all() and (mixed.targets.diagonal() < 1).any()
    assert torch.equal(mixed.inputs["text"], batch.inputs["text"])


@pytest.mark.parametrize("exclusive", [True, False])
def test_whole_targets_are_judged_as_the_plain_task_does(exclusive):
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 5, 3), torch.tensor([0, 2, 1, 1, 0])
    shares = F.one_hot(labels, 3).float()
    plain = Classification(3, 0.1) if exclusive else MultiLabel(3)
    task = Blended(plain, 0.1, exclusive)
    expected = plain.judge(logits, labels if exclusive else shares)
    found = task.judge(logits, shares)
    torch.testing.assert_close(found.losses, expected.losses)
    torch.testing.assert_close(found.scores, expected.scores)
    targets = labels if exclusive else shares
    torch.testing.assert_close(task.fused_loss(logits[0], shares), plain.fused_loss(logits[0], targets))
    assert task.outputs == 3 and not task.lower_is_better


def test_shares_outside_the_unit_are_refused():
    task = Blended(MultiLabel(2), 0.0, False)
    task.check(torch.tensor([[0.0, 0.3]]))
    for wrong in (torch.tensor([[0.0, 1.5]]), torch.tensor([1, 0])):
        with pytest.raises(UserError, match="shares"):
            task.check(wrong)
