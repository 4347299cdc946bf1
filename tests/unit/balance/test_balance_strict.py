"""What must not happen in silence: hooks that outlive a loss, steps that are lost, decay that grows, empty batches."""

import warnings
from functools import partial

import pytest
import torch
from support.balanced import CLASSES, balanced, batch, gradients
from torch.nn import functional as F

from vatt_harmony.balance import MLB, MSLR, OGMGE, Classification, Constant, MMPareto, MultiLabel, Regression
from vatt_harmony.balance.groups import is_decoupled
from vatt_harmony.balance.pace import PATIENCE, Pace
from vatt_harmony.balance.sums import Sums
from vatt_harmony.balance.window import Window
from vatt_harmony.errors import UserError

INPUTS, TARGETS = batch(16)


@pytest.mark.parametrize("rule", ["noise", "factors", "columns"])
def test_hooks_on_parameters_act_in_the_backward_of_their_loss_alone(rule: str) -> None:
    balancer = {
        "noise": lambda: balanced(OGMGE()),
        "factors": lambda: balanced(MMPareto(gamma=5.0)),
        "columns": lambda: balanced(Constant({"audio": 0.1, "video": 3.0}), scale_fusion_slice=True),
    }[rule]()

    def other() -> list[torch.Tensor]:
        balancer.zero_grad()
        F.cross_entropy(balancer.model(**INPUTS), TARGETS).backward()
        return [p.grad.clone() for p in balancer.model.parameters()]

    def own() -> list[torch.Tensor]:
        balancer.zero_grad()
        loss.backward(retain_graph=True)
        return [p.grad.clone() for p in balancer.model.parameters()]

    plain = other()
    loss, _ = balancer.loss(balancer(**INPUTS), TARGETS)
    assert all(map(torch.equal, other(), plain))
    first = own()
    assert not all(map(torch.equal, first, plain))
    assert all(map(torch.equal, other(), plain))
    assert all(map(torch.equal, own(), first))


def test_noise_is_the_same_at_lr_and_at_grad_and_another_in_each_micro_batch() -> None:
    def trained(point: str) -> torch.Tensor:
        balancer = balanced(OGMGE(), point=point, dtype=torch.float64)
        optimizer = torch.optim.SGD(balancer.parameter_groups(lr=0.05))
        balancer.attach(optimizer)
        for seed in range(3):
            inputs, targets = batch(16, seed, dtype=torch.float64)
            optimizer.zero_grad()
            balancer.loss(balancer(**inputs), targets)[0].backward()
            optimizer.step()
        return torch.cat([p.detach().flatten() for p in balancer.model.encoders.parameters()])

    torch.testing.assert_close(trained("lr"), trained("grad"), rtol=1e-9, atol=1e-12)
    balancer = balanced(OGMGE(), accumulation=2)
    one, two = (gradients(balancer, (INPUTS, TARGETS)) for _ in range(2))
    assert not torch.equal(one["model.encoders.audio.0.weight"], two["model.encoders.audio.0.weight"])
    late = balanced(OGMGE(), accumulation=2, point="lr")
    late.attach(torch.optim.SGD(late.parameter_groups(lr=0.1)))
    with pytest.raises(UserError, match="noise"):
        gradients(late, (INPUTS, TARGETS))


@pytest.mark.parametrize(("micro_batches", "told"), [(2, False), (2, True), (1, False)])
def test_a_forgotten_accumulation_is_told_once(micro_batches: int, told: bool) -> None:
    balancer = balanced(MLB(), point="lr", accumulation=micro_batches if told else 1)
    optimizer = torch.optim.SGD(balancer.parameter_groups(lr=0.01))
    balancer.attach(optimizer)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for _ in range(45):
            for _ in range(micro_batches):
                balancer.loss(balancer(**INPUTS), TARGETS)[0].backward()
            optimizer.step()
    assert [str(one.message).count("accumulation=") for one in heard] == [1] * (micro_batches == 2 and not told)


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_rule_that_never_hears_of_an_epoch_says_so(epochs: int) -> None:
    pace = Pace(MSLR(), Window(), ("audio", "video"), False)
    pace.step, pace.epoch = PATIENCE - 1, epochs
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for _ in range(3):
            pace.add(Sums(torch.ones(10, dtype=torch.float64)))
            pace.close({})
    assert ["end_epoch" in str(one.message) for one in heard] == [True] * (epochs == 0)


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_a_scaler_leaves_out_is_not_counted_by_fused_optimizers_either(fused: bool) -> None:
    balancer = balanced(MLB(), point="lr")
    optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=0.01), fused=fused)
    balancer.attach(optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    for overflow in (False, True, False):
        optimizer.zero_grad()
        loss, report = balancer.loss(balancer(**INPUTS), TARGETS)
        scaler.scale(loss * torch.inf if overflow else loss).backward()
        scaler.step(optimizer)
        scaler.update()
    assert report.step == 1 and balancer.steps == 2


def test_optimizers_whose_decay_is_a_step_of_its_own_are_known() -> None:
    def named(name: str, base: type = torch.optim.Optimizer, **more: object) -> torch.optim.Optimizer:
        made = type(name, (base,), more)
        weights = [torch.nn.Parameter(torch.zeros(2, 2))]
        return made(weights, {"lr": 1.0}) if base is torch.optim.Optimizer else made(weights)

    def decoupled(optimizer: torch.optim.Optimizer) -> bool:
        return is_decoupled(optimizer, optimizer.param_groups[0])

    apart = [torch.optim.AdamW, torch.optim.Adafactor, torch.optim.Muon, partial(torch.optim.NAdam,
             decoupled_weight_decay=True)]  # fmt: skip
    weights = [torch.nn.Parameter(torch.zeros(2, 2))]
    assert all(decoupled(kind(weights)) for kind in apart)
    assert not any(decoupled(kind(weights)) for kind in (torch.optim.Adam, torch.optim.SGD, torch.optim.NAdam))
    assert all(decoupled(named(name)) for name in ("Lion", "Lion8bit", "DeepSpeedCPULion", "PagedAdamW8bit"))
    assert decoupled(named("FusedAdam", adam_w_mode=1)) and not decoupled(named("FusedAdam", adam_w_mode=0))


@pytest.mark.parametrize("point", ["grad", "loss"])
def test_a_batch_of_no_samples_gives_0_and_gradients_of_0(point: str) -> None:
    balancer = balanced(MLB(), point=point)
    balancer.loss(balancer(**INPUTS), TARGETS)[0].backward()
    balancer.zero_grad()
    loss, _ = balancer.loss(balancer(**{name: rows[:0] for name, rows in INPUTS.items()}), TARGETS[:0])
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is not None and not p.grad.any() for p in balancer.parameters())


@pytest.mark.parametrize("task", [Classification(CLASSES), MultiLabel(CLASSES), Regression(CLASSES)])
def test_scores_are_as_wide_as_what_they_are_made_of_and_at_least_fp32(task) -> None:
    targets = TARGETS if isinstance(task, Classification) else F.one_hot(TARGETS, CLASSES)
    for given, wanted in ((torch.float64, torch.float64), (torch.bfloat16, torch.float32)):
        logits = torch.zeros(2, 16, CLASSES, dtype=given, requires_grad=True)
        scores = task.judge(logits, targets).scores
        assert scores.dtype == wanted and not scores.requires_grad
