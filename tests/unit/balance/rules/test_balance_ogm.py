"""OGM and its noise."""

import pytest
import torch
from support.balance_evidence import evidence

from vatt_harmony.balance.rules.ogm import OGM
from vatt_harmony.balance.rules.ogm_ge import OGMGE, with_noise


def test_the_leader_is_slowed_and_nobody_is_sped_up() -> None:
    k = OGM(alpha=0.8).coefficients(evidence([0.5, 0.4]))
    assert k.tolist() == pytest.approx([0.238, 1], abs=5e-4)  # rho 1.25


def test_it_trains_on_the_fused_loss_alone() -> None:
    assert not OGM().unimodal and OGM().needs_slices
    heads = OGM(scores="heads")
    assert heads.unimodal and heads.unimodal_gain == 0 and not heads.needs_slices


def test_the_noise_has_the_deviation_of_the_gradient_before_k() -> None:
    gradient = torch.randn(400, 100, generator=torch.Generator().manual_seed(1)) * 3
    noisy = with_noise(gradient, torch.tensor(0.1), torch.Generator().manual_seed(0))
    assert float((noisy - 0.1 * gradient).std()) == pytest.approx(3, rel=0.02)
    assert OGMGE.noisy and torch.equal(
        OGMGE().disturb(gradient, torch.tensor(0.1), torch.Generator().manual_seed(0)), noisy
    )


def test_k_of_noisy_gradients_is_never_0() -> None:
    """The noise is measured on what k has scaled."""
    far_ahead = evidence([1.0, 1e-6])
    assert OGM(alpha=2.0).coefficients(far_ahead)[0] == 0 < OGMGE(alpha=2.0).coefficients(far_ahead)[0] < 0.01
