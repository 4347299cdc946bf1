import pytest
import torch
from torch import nn

from vatt_harmony.align.config import OptimConfig
from vatt_harmony.align.lars import LarsAdam
from vatt_harmony.align.train.optimizer import build_optimizer
from vatt_harmony.align.train.update import Updater


class Alone:
    """An accelerator of one process."""

    clip_grad_norm_ = staticmethod(nn.utils.clip_grad_norm_)


def test_each_name_builds_its_optimizer_over_what_is_trained():
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad_(False)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "lars": LarsAdam}
    for name, kind in kinds.items():
        config = OptimConfig(name=name, lr=0.5, weight_decay=0.1, betas=(0.8, 0.9))
        optimizer = build_optimizer(layer.parameters(), config)
        [group] = optimizer.param_groups
        assert type(optimizer) is kind and group["params"] == [layer.weight]
        assert (group["lr"], group["weight_decay"], group["betas"]) == (0.5, 0.1, (0.8, 0.9))


def test_lars_over_sgd_moves_by_rate_times_trust_of_the_norm():
    weight = nn.Parameter(torch.randn(5, 4, dtype=torch.float64))
    optimizer = build_optimizer([weight], OptimConfig(name="lars_sgd", lr=2.0, trust=1e-3))
    before, weight.grad = weight.detach().clone(), torch.randn_like(weight)
    optimizer.step()
    # timm's eps beside the gradient's norm makes the last digits differ.
    assert float((weight.detach() - before).norm() / before.norm()) == pytest.approx(2e-3, rel=1e-6)


def test_the_gradient_is_clipped_before_lars_scales_and_the_encoder_by_itself():
    runs = []
    for encoder_gradient in (1.0, 1e6):
        aligner, encoder = nn.Linear(4, 1, bias=False), nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            aligner.weight.fill_(1.0)
        # A large eps shows the size of the gradient that LARS is given.
        updater = Updater(aligner, encoder, OptimConfig(lr=1.0, trust=1.0, eps=1.0, encoder_lr=1e-3))
        updater.begin(0.0)
        aligner.weight.grad = torch.tensor([[300.0, 400.0, 0.0, 0.0]])
        encoder.weight.grad = torch.full((1, 2), encoder_gradient)
        updater.step(Alone())
        runs.append(1.0 - aligner.weight.detach())
        assert aligner.weight.grad is None
    clipped = torch.tensor([1.2, 1.6, 0.0, 0.0])  # norm 2
    step = clipped / (clipped + 1.0)
    assert torch.allclose(runs[0], 2.0 * step / step.norm(), atol=1e-5)
    assert torch.equal(runs[0], runs[1])


def test_an_encoder_without_rate_is_no_part():
    layer = nn.Linear(2, 1)
    assert set(Updater(layer, layer, OptimConfig()).parts) == {"aligner"}
    assert Updater(layer, None, OptimConfig(lr=3.0)).rate == 3.0
