"""The balancer in training: what reaches the parameters, whatever surrounds the backward pass."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils.checkpoint import checkpoint

from vatt_harmony.balance import RULES, Balancer, Classification, Constant
from vatt_harmony.errors import UserError
from vatt_harmony.scale.balance_checks.runs import Run, apart, loss_of, make, train
from vatt_harmony.scale.balance_checks.toy import CLASSES, MODALITIES, Toy, batches, make_toy
from vatt_harmony.scale.bench.balance_equal import lagged_difference, none_difference, pooled_difference

OPTIONS = {"constant": {"k": {"audio": 0.5}}, "pmr": {"prototype_steps": 3}}
pytestmark = pytest.mark.filterwarnings("ignore:The point is grad and the optimizer adaptive")


def gradients(balancer: Balancer, rows: int = 12, run: Callable[..., object] | None = None) -> dict[str, Tensor]:
    """Of the first batch, by parameter."""
    dtype = next(balancer.parameters()).dtype
    samples = next(batches(1, rows, len(balancer.modalities), dtype=dtype))
    loss, _ = balancer.loss((run or balancer)(**samples.inputs), samples.targets)  # type: ignore[arg-type]
    torch.autograd.backward(loss)
    return {name: p.grad.clone() for name, p in balancer.named_parameters() if p.grad is not None}


ADAPTIVE = Run(rule="constant", options={"k": {"audio": 0.2, "video": 10.0}}, point="grad", eps=1e-30, steps=15)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_a_constant_on_gradients_does_nothing_under_adam(optimizer: str) -> None:
    run = replace(ADAPTIVE, optimizer=optimizer, weight_decay=0.1 if optimizer == "adamw" else 0.0)
    plain = train(replace(run, rule="multiloss", options={}))
    assert apart(train(run), plain) < 1e-12
    in_fp32 = replace(run, dtype=torch.float32, eps=1e-8)
    assert apart(train(in_fp32), train(replace(in_fp32, rule="multiloss", options={}))) < 1e-3
    assert apart(train(replace(run, point="lr")), plain) > 1e-2
    assert apart(train(replace(run, point="loss")), plain) > 1e-3


def test_a_constant_on_gradients_acts_under_sgd_and_under_adam_with_coupled_decay() -> None:
    for run in (replace(ADAPTIVE, optimizer="sgd"), replace(ADAPTIVE, optimizer="adam", weight_decay=0.1)):
        assert apart(train(run), train(replace(run, rule="multiloss", options={}))) > 1e-3


def test_accumulation_is_exact_at_lr_lags_a_step_at_grad_and_none_changes_nothing() -> None:
    assert pooled_difference() < 1e-9
    assert lagged_difference() < 1e-7
    assert none_difference() == 0


@pytest.mark.parametrize("point", ["grad", "loss"])
def test_clipping_comes_after_modulation(point: str) -> None:
    """A single encoder's huge k must show in the norm that is clipped."""
    run = Run(rule="constant", options={"k": {"audio": 1e4}}, point=point, optimizer="sgd")
    balancer, _ = make(run)
    found = gradients(balancer)
    norm = float(nn.utils.clip_grad_norm_(balancer.parameters(), 1.0))
    assert norm > 100
    clipped = torch.cat([p.grad.flatten() for p in balancer.parameters()])
    assert float(clipped.norm()) == pytest.approx(1.0)
    assert len(found) == len(list(balancer.parameters()))


class Checkpointed(Toy):
    """The toy with activations of its encoders recomputed in the backward pass."""

    reentrant = False

    def __init__(self, modalities: int = 2) -> None:
        super().__init__(modalities)
        for name, encoder in self.encoders.items():
            self.encoders[name] = Recomputed(encoder, self.reentrant)


class Recomputed(nn.Module):
    def __init__(self, inner: nn.Module, reentrant: bool) -> None:
        super().__init__()
        self.inner, self.reentrant = inner, reentrant

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = checkpoint(self.inner, x, use_reentrant=self.reentrant)
        return output


class WholeTowers(nn.Module):
    """Checkpoints each encoder from outside, so that its forward hook runs within."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.toy, self.reentrant = make_toy(), reentrant

    def forward(self, **inputs: Tensor) -> Tensor:
        features = [
            checkpoint(encoder, inputs[name].requires_grad_(), use_reentrant=self.reentrant)
            for name, encoder in self.toy.encoders.items()
        ]
        logits: Tensor = self.toy.fusion(torch.cat(features, -1))
        return logits


def in_balancer(model: nn.Module, prefix: str = "encoders.") -> Balancer:
    features = {name: prefix + name for name in MODALITIES[:2]}
    example = next(batches(1, 2)).inputs
    rule = Constant({"audio": 0.3, "video": 2.5})
    return Balancer(model, features, task=Classification(CLASSES), rule=rule, point="grad", example=example)


def test_recomputed_activations_give_the_same_gradients() -> None:
    wanted = gradients(in_balancer(make_toy()))
    inside = Checkpointed().double()
    inside.load_state_dict({_inner(name): value for name, value in make_toy().state_dict().items()})
    found = gradients(in_balancer(inside))
    assert {name.replace(".inner", "") for name in found} == set(wanted)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name.replace(".inner", "")], rtol=1e-12, atol=1e-12)
    found = gradients(in_balancer(WholeTowers(False), "toy.encoders."))
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name.replace(".toy", "")], rtol=1e-12, atol=1e-12)


def _inner(name: str) -> str:
    parts = name.split(".")
    return ".".join([*parts[:2], "inner", *parts[2:]]) if parts[0] == "encoders" else name


def test_reentrant_checkpointing_of_an_encoder_is_an_error() -> None:
    with pytest.raises(UserError, match="use_reentrant=False"):
        gradients(in_balancer(WholeTowers(True), "toy.encoders."))


def test_a_compiled_balancer_trains_as_an_eager_one() -> None:
    run = Run(options={"stopgrad": True}, point="grad", steps=3)  # gains on the whole feature and on the head's share
    torch.compiler.reset()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = train(run, wrap=lambda balancer: torch.compile(balancer, backend=counter))  # type: ignore[return-value]
    assert apart(compiled, train(run)) < 1e-12
    assert counter.frame_count >= 3  # both encoders and the fusion, cut at the features


@pytest.mark.parametrize("modalities", [2, 3])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_trains(rule: str, modalities: int) -> None:
    run = Run(rule=rule, options=OPTIONS.get(rule, {}), modalities=modalities, steps=25)
    balancer, optimizer = make(run)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing to warn of at the point the optimizer asks for
        for samples in run.samples():
            output = balancer(**samples.inputs)
            loss, report = balancer.loss(output, samples.targets)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(float(report.fused_loss))
    assert sum(losses[-5:]) < 0.75 * sum(losses[:5])
    assert report.scalars()["non_finite"] == 0


@pytest.mark.parametrize("rule", ["mlb", "agm", "pmr", "cggm", "opm", "ogm_ge"])
def test_a_resumed_run_goes_on_bit_for_bit(rule: str) -> None:
    run = Run(rule=rule, options=OPTIONS.get(rule, {}), point="grad", optimizer="sgd", steps=6, balancer={})

    def go(balancer: Balancer, optimizer: torch.optim.Optimizer, first: int, last: int) -> None:
        for samples in run.samples()[first:last]:
            optimizer.zero_grad()
            torch.autograd.backward(loss_of(balancer, balancer, samples, False))
            optimizer.step()

    whole, optimizer = make(run)
    go(whole, optimizer, 0, 6)
    half, optimizer = make(run)
    go(half, optimizer, 0, 4)
    resumed, other = make(run)
    resumed.load_state_dict(half.state_dict())
    other.load_state_dict(optimizer.state_dict())
    go(resumed, other, 4, 6)
    for one, two in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("rule", ["ogm", "opm", "agm", "mlb", "mmcosine", "pmr", "mmpareto"])
def test_the_loss_may_be_taken_outside_of_autocast(rule: str) -> None:
    """As under Accelerate, which wraps the forward pass alone."""
    losses = []
    for inside in (True, False):
        balancer, _ = make(Run(rule=rule, options=OPTIONS.get(rule, {}), dtype=torch.float32))
        samples = next(batches(1, dtype=torch.float32))
        for _ in range(2):
            with torch.autocast("cpu", torch.bfloat16):
                output = balancer(**samples.inputs)
                loss = balancer.loss(output, samples.targets)[0] if inside else None
            loss = balancer.loss(output, samples.targets)[0] if loss is None else loss
            torch.autograd.backward(loss)
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
