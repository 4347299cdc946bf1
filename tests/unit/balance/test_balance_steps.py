"""Whole training steps: what is left as it was, where k acts, accumulation, skipped steps, state."""

import io
import warnings
from functools import partial

import pytest
import torch
from support.balanced import CLASSES, Towers, balanced, batch, farthest, gradients, train
from torch import nn
from torch.nn import functional as F

from vatt_harmony.balance import (
    AGM,
    MLB,
    Balancer,
    Classification,
    Constant,
    Evidence,
    Feature,
    MultiLoss,
    NoBalancing,
    Rule,
    Window,
)

SAMPLES = [batch(16, seed) for seed in range(6)]
DOUBLE = [batch(16, seed, dtype=torch.float64) for seed in range(6)]
SGD = partial(torch.optim.SGD, momentum=0.9)
ADAMW = partial(torch.optim.AdamW, eps=1e-30)


class Script(Rule):
    """Coefficients as given, step by step; keeps the evidence, and counts its calls as its state."""

    def __init__(self, *steps: tuple[float, float]) -> None:
        self.steps, self.seen, self.calls = steps, [], 0

    def coefficients(self, evidence: Evidence) -> torch.Tensor:
        self.seen.append(evidence)
        self.calls += 1
        return evidence.scores.new_tensor(self.steps[min(evidence.step, len(self.steps) - 1)])

    def state_dict(self):
        return {"calls": self.calls}

    def load_state_dict(self, state) -> None:
        self.calls = state["calls"]


def test_no_balancing_is_bit_for_bit_training_without_a_balancer() -> None:
    torch.manual_seed(0)
    model = Towers()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    for inputs, targets in SAMPLES:
        F.cross_entropy(model(**inputs), targets).backward()
        optimizer.step()
        optimizer.zero_grad()
    parameters = train(balanced(NoBalancing(), point="auto"), torch.optim.AdamW, SAMPLES)
    assert parameters.keys() == {f"model.{name}" for name, _ in model.named_parameters()}
    assert all(torch.equal(parameters[f"model.{name}"], value) for name, value in model.named_parameters())


def test_mlb_of_alpha_0_is_multiloss() -> None:
    for point in ("grad", "lr", "loss"):
        one = train(balanced(MLB(alpha=0), point=point), SGD, SAMPLES)
        assert farthest(one, train(balanced(MultiLoss(), point=point), SGD, SAMPLES)) == 0


@pytest.mark.parametrize("make_optimizer", [SGD, partial(torch.optim.AdamW, weight_decay=0.0), torch.optim.Adam])
def test_a_constant_k_at_the_point_lr_is_a_fixed_rate_of_the_group(make_optimizer) -> None:
    k = {"audio": 3.0, "video": 0.25}
    moved = train(balanced(Constant(k), point="lr"), make_optimizer, SAMPLES)
    plain = balanced(MultiLoss())
    rates = {"rest": 0.05} | {name: 0.05 * factor for name, factor in k.items()}
    plain.parameter_groups = lambda lr: Balancer.parameter_groups(plain, rates)
    assert farthest(moved, train(plain, make_optimizer, SAMPLES)) < 1e-6


def test_decoupled_decay_stays_what_it_was_and_rates_are_put_back() -> None:
    balancer = balanced(Constant({"audio": 4.0, "video": 0.0}), point="lr")
    optimizer = torch.optim.AdamW(balancer.parameter_groups(lr=0.05, weight_decay=0.1))
    balancer.attach(optimizer)
    seen, groups = [], optimizer.param_groups
    optimizer.register_step_pre_hook(
        lambda *_: seen.extend((g["lr"], g["weight_decay"]) for g in optimizer.param_groups)
    )
    gradients(balancer, SAMPLES[0])
    optimizer.step()
    assert seen == [(0.2, 0.025), (0.0, 0.1), (0.05, 0.1)]
    assert [(g["lr"], g["weight_decay"]) for g in groups] == [(0.05, 0.1)] * 3
    optimizer.step()  # as ZeRO does, once a group: the same k
    assert seen[3:] == seen[:3]


def test_at_the_point_loss_k_is_the_weight_of_the_unimodal_loss() -> None:
    rule = Constant({"audio": 3.0, "video": 0.5})
    balancer = balanced(rule, point="loss")
    inputs, targets = SAMPLES[0]
    output = balancer(**inputs)
    loss, report = balancer.loss(output, targets)
    own = [F.cross_entropy(output.unimodal[name], targets) for name in ("audio", "video")]
    assert loss.item() == pytest.approx(
        (F.cross_entropy(output.logits, targets) + 3 * own[0] + 0.5 * own[1]).item(), 1e-6
    )
    assert report.evidence.losses.tolist() == pytest.approx([value.item() for value in own])


def test_auto_chooses_by_optimizer_and_by_what_modalities_share() -> None:
    def point(make_optimizer, **options) -> str:
        balancer = balanced(MLB(), point="auto", **options)
        train(balancer, make_optimizer, SAMPLES[:1])
        return balancer.point

    class Shared(Towers):
        """Towers behind one layer that both use."""

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(8, 8)

        def forward(self, audio, video):
            return super().forward(audio=self.first(audio), video=F.pad(self.first(video[:, :8]), (0, 4)))

    assert point(SGD) == "grad" and point(torch.optim.AdamW) == "lr"
    assert point(torch.optim.AdamW, model=Shared()) == "loss"


def test_a_shared_layer_keeps_a_constant_k_under_adamw_where_towers_cancel_it() -> None:
    class Trunk(nn.Module):
        """One layer for both modalities, told apart in the output."""

        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.fusion = nn.Linear(8, 5), nn.Linear(10, CLASSES)

        def forward(self, audio, video):
            features = {"audio": self.trunk(audio), "video": self.trunk(video[:, :8])}
            return {"logits": self.fusion(torch.cat(tuple(features.values()), 1)), **features}

    features = {name: Feature(get=lambda out, name=name: out[name]) for name in ("audio", "video")}

    def trained(rule: Rule) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        return train(balanced(rule, model=Trunk(), features=features, dtype=torch.float64), ADAMW, DOUBLE)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert farthest(trained(Constant({"audio": 10.0})), trained(MultiLoss())) > 0.01


def test_accumulated_micro_batches_are_one_batch_at_the_point_lr() -> None:
    whole = [({n: torch.cat([s[0][n] for s in SAMPLES[i : i + 3]]) for n in SAMPLES[0][0]},
              torch.cat([s[1] for s in SAMPLES[i : i + 3]])) for i in (0, 3)]  # fmt: skip
    for point in ("lr", "grad"):
        rule = Script((2.0, 0.5), (0.3, 1.5)) if point == "lr" else MultiLoss()
        one = train(balanced(rule, point=point), torch.optim.AdamW, whole)
        many = train(balanced(rule, point=point, accumulation=3), torch.optim.AdamW, SAMPLES, every=3)
        assert farthest(one, many) < 2e-5
    one = train(balanced(MLB(), point="lr"), SGD, whole)
    many = train(balanced(MLB(), point="lr", accumulation=3), SGD, SAMPLES, every=3)
    assert farthest(one, many) < 1e-6


def test_on_gradients_accumulation_takes_k_from_the_step_before() -> None:
    rule = Script((2.0, 0.5), (0.3, 1.5))
    balancer = balanced(rule, accumulation=2)
    plain = balanced(MultiLoss())
    for index, sample in enumerate(SAMPLES):
        audio = gradients(balancer, sample)["model.encoders.audio.0.weight"]
        factor = (1.0, 2.0, 0.3)[index // 2]
        assert torch.allclose(audio, factor * gradients(plain, sample)["model.encoders.audio.0.weight"], atol=1e-7)
    assert rule.calls == 3
    evidence = [balanced(Script((1.0, 1.0))).train() for _ in range(2)]
    scores = []
    for own, sample in zip(evidence, SAMPLES[:2], strict=True):
        gradients(own, sample)
        scores.append(own.rule.seen[0].scores)
    assert torch.allclose(rule.seen[0].scores, torch.stack(scores).mean(0))


def test_an_optimizer_step_closes_a_window_that_is_not_full() -> None:
    rule = Script((2.0, 0.5))
    balancer = balanced(rule, accumulation=4, point="lr")
    optimizer = torch.optim.SGD(balancer.parameter_groups(lr=0.1))
    balancer.attach(optimizer)
    gradients(balancer, SAMPLES[0])
    assert rule.calls == 0
    optimizer.step()
    assert rule.calls == 1 and balancer.steps == 1


def test_a_skipped_optimizer_step_leaves_the_rules_state() -> None:
    rule = Script((1.0, 1.0))
    balancer = balanced(rule)
    optimizer = torch.optim.SGD(balancer.parameter_groups(lr=0.1))
    balancer.attach(optimizer)
    for stepped in (True, False, False, True):
        gradients(balancer, SAMPLES[0])
        if stepped:
            optimizer.step()
    assert rule.calls == 2 and balancer.steps == 2


def test_outside_its_window_a_rule_does_not_act_and_over_a_ramp_it_rises() -> None:
    balancer = balanced(Constant({"audio": 3.0}), window=Window(start=1, end=4, ramp=2))
    distances = []
    for inputs, targets in SAMPLES:
        _, report = balancer.loss(balancer(**inputs), targets)
        distances.append(report.distance)
    assert distances == pytest.approx([0, 0.5, 1, 1, 0, 0])


def test_scores_are_smoothed_when_asked_for() -> None:
    rule = Script((1.0, 1.0))
    balancer = balanced(rule, window=Window(ema=0.75))
    raw = []
    for sample in SAMPLES[:3]:
        raw.append(balancer.loss(balancer(**sample[0]), sample[1])[1].evidence.scores)
    assert torch.allclose(rule.seen[0].scores, raw[0])
    assert torch.allclose(rule.seen[2].scores, 0.75 * (0.75 * raw[0] + 0.25 * raw[1]) + 0.25 * raw[2])


def test_coefficients_that_are_not_finite_become_1_and_are_counted() -> None:
    balancer = balanced(Script((float("nan"), 2.0)))
    inputs, targets = SAMPLES[0]
    _, report = balancer.loss(balancer(**inputs), targets)
    assert report.k.tolist() == [1.0, 2.0] and report.scalars()["non_finite"] == 1


def test_a_frozen_encoder_keeps_k_1_and_stays_in_the_others_mean() -> None:
    model = Towers()
    model.encoders["audio"].requires_grad_(False)
    balancer = balanced(MLB(), model=model)
    inputs, targets = SAMPLES[0]
    _, report = balancer.loss(balancer(**inputs), targets)
    assert report.k[0] == 1 and report.k[1] != 1
    assert {"audio", "video"} == {key.removeprefix("score/") for key in report.scalars() if key.startswith("score/")}


def test_an_encoder_freed_on_the_way_is_balanced_from_then_on() -> None:
    balancer = balanced(MLB())
    inputs, targets = SAMPLES[0]
    for frozen in (True, False, True):
        balancer.model.encoders["audio"].requires_grad_(not frozen)
        _, report = balancer.loss(balancer(**inputs), targets)
        assert (report.k[0] == 1) == frozen and report.k[1] != 1


def test_state_goes_on_where_it_stopped() -> None:
    samples = [batch(16, seed) for seed in range(8)]

    def make() -> tuple[Balancer, torch.optim.Optimizer]:
        balancer = balanced(AGM(), accumulation=1, window=Window(ema=0.5))
        return balancer, torch.optim.SGD(balancer.parameter_groups(lr=0.1), momentum=0.9)

    def go(balancer, optimizer, chosen) -> None:
        for inputs, targets in chosen:
            optimizer.zero_grad()
            balancer.loss(balancer(**inputs), targets)[0].backward()
            optimizer.step()

    whole, optimizer = make()
    go(whole, optimizer, samples)
    half, optimizer = make()
    go(half, optimizer, samples[:4])
    buffer = io.BytesIO()
    torch.save({"balancer": half.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
    again, optimizer = make()
    state = torch.load(io.BytesIO(buffer.getvalue()), weights_only=True)
    again.load_state_dict(state["balancer"])
    optimizer.load_state_dict(state["optimizer"])
    go(again, optimizer, samples[4:])
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))
    assert all(isinstance(value, torch.Tensor) for value in half.state_dict().values())


def test_evaluation_changes_nothing_and_tells_losses_of_heads() -> None:
    rule = Script((2.0, 0.5))
    balancer = balanced(rule).eval()
    inputs, targets = SAMPLES[0]
    with torch.no_grad():
        _, report = balancer.loss(balancer(**inputs), targets)
    assert rule.calls == 0 and report.k is None and balancer.steps == 0
    assert report.evidence.losses.isfinite().all()


def test_monitored_steps_tell_norms_and_how_far_each_modality_moved() -> None:
    balancer = balanced(Constant({"audio": 3.0}), monitor_every=2)
    optimizer = torch.optim.SGD(balancer.parameter_groups(lr=0.1))
    balancer.attach(optimizer)
    reports = []
    for inputs, targets in SAMPLES[:3]:
        loss, report = balancer.loss(balancer(**inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        reports.append(report.scalars())
    assert reports[0]["gradient_after/audio"] == pytest.approx(3 * reports[0]["gradient_before/audio"], rel=1e-5)
    assert reports[0]["gradient_after/video"] == reports[0]["gradient_before/video"] > 0
    assert reports[0]["update_ratio/audio"] > 0 and "update_ratio/audio" in reports[2]
    assert not any(key.startswith(("gradient", "update")) for key in reports[1])


def test_export_gives_the_model_back_as_it_was() -> None:
    torch.manual_seed(0)
    model = Towers()
    balancer = Balancer(model, {n: f"encoders.{n}" for n in ("audio", "video")}, task=Classification(CLASSES),
                        rule=MLB(), example=SAMPLES[0][0])  # fmt: skip
    assert balancer.export() is model
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
