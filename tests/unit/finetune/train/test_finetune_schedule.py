import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from vatt_harmony.finetune.config import OptimConfig
from vatt_harmony.finetune.train.schedule import Schedule, factor


def test_constant_with_warm_up_and_steps_of_epochs():
    rise = OptimConfig(warmup_steps=4)
    assert [factor(rise, step, 100, 10) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    drops = OptimConfig(schedule="step", step_every=2, gamma=0.1)
    assert [factor(drops, step, 100, 10) for step in (0, 19, 20, 40)] == pytest.approx([1, 1, 0.1, 0.01])


def test_cosine_falls_to_zero_after_warm_up_and_hold():
    config = OptimConfig(schedule="cosine", warmup_steps=10, hold_steps=10)
    assert [factor(config, step, 120, 10) for step in (4, 15, 20, 70, 119)] == pytest.approx(
        [0.5, 1, 1, 0.5, 0.000247], abs=1e-6
    )


@pytest.mark.parametrize("growth", [1, 2])
def test_restarts_count_the_held_steps_as_torch_does_with_the_global_step(growth):
    config = OptimConfig(schedule="cosine_restarts", hold_steps=7, t0=4, t_mult=growth)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = CosineAnnealingWarmRestarts(optimizer, T_0=4, T_mult=growth)
    for step in range(40):
        theirs.step(step)
        expected = 1.0 if step < 7 else optimizer.param_groups[0]["lr"]
        assert factor(config, step, 1000, 10) == pytest.approx(expected, abs=1e-12)


def test_groups_keep_their_ratio():
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (0.1, 0.02)]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    schedule = Schedule(optimizer, OptimConfig(warmup_steps=2), 10, 5)
    for step, share in ((0, 0.5), (1, 1.0), (0, 0.5)):
        assert schedule.begin_step(step) == share
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.1 * share, 0.02 * share])
