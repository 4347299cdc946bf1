"""The rules against TorchJD's aggregators, on random gradients, wherever both define the same.

Not compared: `pcgrad_one_sided` (TorchJD has none) and `nash` (TorchJD's normalises by the Gram's norm, stops early and
carries state; ours is checked by its defining equation in tests/properties).
"""

from collections.abc import Iterator
from itertools import cycle, product

import pytest
import torch
import torchjd.aggregation as oracle
from torch import Tensor
from torchjd.linalg import QuadprogProjector

from vatt_harmony.harmony.rules import RULES, RuleOptions, gradvac_target

SAMPLES, WIDTH = 40, 6


def jacobians(losses: int) -> Tensor:
    generator = torch.Generator().manual_seed(losses)
    gradients = torch.randn(SAMPLES, losses, WIDTH, generator=generator, dtype=torch.float64)
    return gradients * 10 ** (2 * torch.rand(SAMPLES, losses, 1, generator=generator, dtype=torch.float64) - 1)


def update(rule: str, jacobian: Tensor) -> Tensor:
    """Weighted sums `[B, P]` by our rule."""
    gram = jacobian @ jacobian.mT
    weights = RULES[rule](gram, torch.ones(gram.shape[:2], dtype=torch.bool))
    return torch.einsum("bm,bmp->bp", weights, jacobian)


@pytest.mark.parametrize("losses", [2, 3])
@pytest.mark.parametrize(
    ("rule", "aggregator", "tolerance"),
    [
        ("sum", oracle.Sum(), 1e-12),
        ("imtl_g", oracle.IMTLG(), 1e-9),
        ("aligned", oracle.AlignedMTL(), 1e-9),
        ("config", oracle.ConFIG(), 1e-9),
        ("upgrad", oracle.UPGrad(projector=QuadprogProjector(reg_eps=1e-12)), 1e-7),
        ("cagrad", oracle.CAGrad(c=0.5, norm_eps=1e-12), 1e-3),
    ],
)
def test_updates_are_torchjds(rule: str, aggregator: oracle.Aggregator, tolerance: float, losses: int) -> None:
    """1e-3 is the precision of TorchJD's conic solver at the few samples with a flat optimum; the median is 1e-7."""
    jacobian = jacobians(losses)
    expected = torch.stack([aggregator(matrix) for matrix in jacobian])
    difference = (update(rule, jacobian) - expected).norm(dim=1) / expected.norm(dim=1)
    assert difference.max() < tolerance
    assert difference.median() < 1e-7


@pytest.mark.parametrize("losses", [2, 3])
def test_mgda_is_at_least_as_short_as_torchjds(losses: int) -> None:
    """TorchJD's iteration stops near the optimum, ours is the optimum."""
    jacobian = jacobians(losses)
    aggregator = oracle.MGDA(epsilon=1e-9, max_iters=300)
    expected = torch.stack([aggregator(matrix) for matrix in jacobian])
    ours = update("mgda", jacobian)
    assert (ours.norm(dim=1) <= expected.norm(dim=1) * (1 + 1e-12)).all()
    assert ((ours - expected).norm(dim=1) / jacobian.norm(dim=2).amin(dim=1)).max() < 0.05


@pytest.mark.parametrize("losses", [2, 3])
def test_pcgrad_is_the_mean_over_the_orders_that_torchjd_draws_from(
    losses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    jacobian = jacobians(losses)
    total = torch.zeros(SAMPLES, WIDTH, dtype=torch.float64)
    draws = list(product([torch.arange(losses), torch.arange(losses).flip(0)], repeat=losses))
    for draw in draws:
        orders: Iterator[Tensor] = cycle(draw)
        monkeypatch.setattr(torch, "randperm", lambda _, orders=orders: next(orders))
        total += torch.stack([oracle.PCGrad()(matrix) for matrix in jacobian])
    torch.testing.assert_close(update("pcgrad", jacobian), total / len(draws), rtol=1e-9, atol=1e-9)


def test_gradvac_follows_torchjd_through_many_steps() -> None:
    weighting, target = oracle.GradVacWeighting(beta=0.5), torch.zeros(2, 2, dtype=torch.float64)
    for gram in (jacobians(2) @ jacobians(2).mT)[:, None]:
        active = torch.ones(1, 2, dtype=torch.bool)
        weights = RULES["gradvac"](gram, active, RuleOptions(target=target))
        torch.testing.assert_close(weights[0], weighting(gram[0]), rtol=1e-5, atol=0)
        target = gradvac_target(gram, active, target, beta=0.5)
