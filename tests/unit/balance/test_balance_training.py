"""The balancer in training: what reaches the parameters, whatever surrounds the backward pass."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils.checkpoint import checkpoint

from vatt_harmony.balance import RULES, Balancer, Classification, Constant, MultiLoss
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


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_k_at_the_feature_is_k_on_all_gradients_of_the_encoder_and_on_nothing_else(
    dtype: torch.dtype, tolerance: float
) -> None:
    k = {"audio": 0.3, "video": 2.5}
    scaled, _ = make(Run(rule="constant", options={"k": k}, point="grad", optimizer="sgd", dtype=dtype))
    plain, _ = make(Run(rule="multiloss", optimizer="sgd", dtype=dtype))
    without = gradients(plain)
    for name, gradient in gradients(scaled).items():
        factor = next((k[m] for m in k if f"encoders.{m}." in name), 1.0)
        torch.testing.assert_close(gradient, without[name] * factor, rtol=tolerance, atol=tolerance)


def test_heads_and_slices_of_the_fusion_are_scaled_where_asked_for() -> None:
    k = {"audio": 0.3, "video": 2.5}
    told = {"scale_head": True, "scale_fusion_slice": True}
    scaled, _ = make(Run(rule="constant", options={"k": k}, point="grad", optimizer="sgd", balancer=told))
    plain, _ = make(Run(rule="multiloss", optimizer="sgd"))
    without, found = gradients(plain), gradients(scaled)
    for m in k:
        for part in (f"heads.{m}.weight", f"heads.{m}.bias", f"model.encoders.{m}.0.weight"):
            torch.testing.assert_close(found[part], without[part] * k[m])
    columns = torch.tensor([0.3] * 8 + [2.5] * 8).double()
    torch.testing.assert_close(found["model.fusion.weight"], without["model.fusion.weight"] * columns)
    torch.testing.assert_close(found["model.fusion.bias"], without["model.fusion.bias"])


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


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_constant_at_lr_is_a_rate_of_the_group_and_keeps_the_decay(optimizer: str) -> None:
    run = Run(rule="constant", options={"k": {"audio": 0.2}}, point="lr", optimizer=optimizer, steps=10)
    balancer, _ = make(replace(run, rule="multiloss", options={}))
    groups = balancer.parameter_groups(lr=1e-2, weight_decay=0.1)
    audio = next(group for group in groups if group.get("modality") == "audio")
    audio["lr"] *= 0.2
    if optimizer == "adamw":
        audio["weight_decay"] /= 0.2  # decay is rate x decay x weight there
    other = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimizer](groups)
    mine, own = make(replace(run, weight_decay=0.1))
    for group in own.param_groups:
        group["lr"] = 1e-2
    for samples in run.samples():
        for each, stepped in ((balancer, other), (mine, own)):
            stepped.zero_grad()
            torch.autograd.backward(loss_of(each, each, samples, False))
            stepped.step()
    for one, two in zip(balancer.parameters(), mine.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)
    assert [group["lr"] for group in own.param_groups] == [1e-2] * 3


def test_accumulation_is_exact_at_lr_lags_a_step_at_grad_and_none_changes_nothing() -> None:
    assert pooled_difference() < 1e-9
    assert lagged_difference() < 1e-7
    assert none_difference() == 0


class Shared(nn.Module):
    """One encoder for both modalities."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.fusion = nn.Linear(6, 8), nn.Linear(16, CLASSES)

    def forward(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.encoder(one).tanh(), self.encoder(other).tanh()
        return self.fusion(torch.cat(features, -1)), *features


@pytest.mark.parametrize("constant", [True, False])
def test_of_a_shared_encoder_a_constant_changes_the_mix_under_adam(constant: bool) -> None:
    from vatt_harmony.balance import Feature

    torch.manual_seed(0)
    features = {"one": Feature(get=lambda out: out[1], width=8), "other": Feature(get=lambda out: out[2], width=8)}
    rule = Constant({"one": 10.0}) if constant else MultiLoss()
    balancer = Balancer(Shared().double(), features, task=Classification(CLASSES), rule=rule, point="grad")
    optimizer = torch.optim.Adam(balancer.parameters(), lr=1e-2, eps=1e-30)
    balancer.attach(optimizer)
    generator = torch.Generator().manual_seed(1)
    for _ in range(10):
        one, other = torch.randn(2, 8, 6, generator=generator).double()
        optimizer.zero_grad()
        torch.autograd.backward(balancer.loss(balancer(one, other), torch.arange(8) % CLASSES)[0])
        optimizer.step()
    MOVED[constant] = balancer.model.encoder.weight.detach().clone()
    if len(MOVED) == 2:
        assert apart(MOVED[True], MOVED[False]) > 1e-3


MOVED: dict[bool, Tensor] = {}


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_k_under_autocast_is_that_of_fp32(half: torch.dtype) -> None:
    """Of an encoder whose output half precision can show; scores and losses are of fp32 in either."""
    run = Run(dtype=torch.float32, point="loss", optimizer="sgd", rows=64)
    found = []
    for enabled in (False, True):
        balancer, _ = make(run)
        samples = next(batches(1, 64, dtype=torch.float32))
        with torch.autocast("cpu", dtype=half, enabled=enabled):
            _, report = balancer.loss(balancer(**samples.inputs), samples.targets)
        found.append(report.scalars())
    for m in ("audio", "video"):
        assert found[0][f"k/{m}"] != 1 and found[0][f"k/{m}"] == pytest.approx(found[1][f"k/{m}"], abs=1e-3)


def test_a_step_that_the_scaler_skips_leaves_the_rule_as_it_was() -> None:
    balancer, optimizer = make(Run(rule="agm", point="grad", optimizer="sgd", dtype=torch.float32))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    first, second, third = batches(3, 16, dtype=torch.float32)

    def step(samples: object, broken: bool = False) -> None:
        optimizer.zero_grad()
        scaler.scale(loss_of(balancer, balancer, samples, False)).backward()  # type: ignore[arg-type]
        if broken:
            balancer.model.fusion.weight.grad.fill_(torch.inf)
        scaler.step(optimizer)
        scaler.update()

    step(first)
    before = balancer.rule.state_dict()
    step(second, broken=True)
    step(third)
    running = balancer.rule.state_dict()["running"]["audio"]
    assert before["running"]["audio"][1] == 1 and running[1] == 2


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
