"""Gains at features: exactly the gradients of the encoders, of the fused loss's share, or of the heads'."""

import pytest
import torch
from support.balanced import balanced, batch, gradients

from vatt_harmony.balance import DGL, MLB, OGMGE, MMPareto, MultiLoss, NoBalancing, Rule


def test_dgl_gives_encoders_the_gradient_of_their_head_alone() -> None:
    sample = batch(dtype=torch.float64)
    both = gradients(balanced(MultiLoss(), dtype=torch.float64), sample)
    fused = gradients(balanced(NoBalancing(), dtype=torch.float64), sample)
    cut = gradients(balanced(DGL(), dtype=torch.float64), sample)
    for name in ("model.encoders.audio.0.weight", "model.encoders.video.2.bias"):
        assert torch.allclose(cut[name], both[name] - fused[name])
    assert torch.allclose(cut["model.fusion.weight"], fused["model.fusion.weight"])


def test_detached_heads_leave_encoders_the_fused_gradient() -> None:
    sample = batch(dtype=torch.float64)
    fused = gradients(balanced(NoBalancing(), dtype=torch.float64), sample)
    detached = gradients(balanced(MLB(alpha=0, stopgrad=True), dtype=torch.float64), sample)
    for name, gradient in fused.items():
        assert torch.allclose(detached[name], gradient)
    assert float(detached["heads.audio.weight"].abs().sum()) > 0


def test_separate_gains_act_on_each_way_and_on_each_tensor() -> None:
    class Split(MMPareto):
        """Fixed gains instead of those of Pareto."""

        def path_gains(self, fused, unimodal):
            gains = super().path_gains(fused, unimodal)
            return type(gains)(
                fused=torch.tensor(2.0), unimodal=torch.tensor(3.0), tensors=torch.arange(1.0, len(fused) + 1)
            )

    sample = batch(dtype=torch.float64)
    both = gradients(balanced(MultiLoss(), dtype=torch.float64), sample)
    fused = gradients(balanced(NoBalancing(), dtype=torch.float64), sample)
    split = gradients(balanced(Split(), dtype=torch.float64), sample)
    for index, part in enumerate(("0.weight", "0.bias", "2.weight", "2.bias")):
        name = f"model.encoders.video.{part}"
        wanted = (index + 1) * (2 * fused[name] + 3 * (both[name] - fused[name]))
        assert torch.allclose(split[name], wanted)


def test_noise_has_the_deviation_of_each_tensors_unscaled_gradient_and_comes_from_the_seed() -> None:
    class Loud(OGMGE):
        """Without k: what is added is the noise alone."""

        def coefficients(self, evidence):
            return None

    sample = batch(64)
    plain = gradients(balanced(NoBalancing()), sample)
    noisy, again, other = (gradients(balanced(Loud(), seed=seed), sample) for seed in (0, 0, 1))
    name = "model.encoders.video.0.weight"
    noise = noisy[name] - plain[name]
    assert float(noise.std() / plain[name].std()) == pytest.approx(1, abs=0.3)
    assert torch.equal(noisy[name], again[name]) and not torch.equal(noisy[name], other[name])
    assert torch.equal(noisy["model.fusion.weight"], plain["model.fusion.weight"])


def test_parameter_hooks_end_with_their_step() -> None:
    balancer = balanced(OGMGE())
    gradients(balancer, batch())
    gradients(balancer, batch())
    parameters = list(balancer.model.encoders.parameters())
    assert all(len(parameter._backward_hooks or {}) == 1 for parameter in parameters)
    balancer.export()
    assert not any(parameter._backward_hooks for parameter in parameters)


def test_a_rule_that_changes_nothing_sets_no_hook() -> None:
    balancer = balanced(Rule())
    inputs, targets = batch()
    output = balancer(**inputs)
    balancer.loss(output, targets)
    assert not any(value._backward_hooks for own in output.passed.tapped.values() for value in own.total)
