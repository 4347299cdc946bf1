"""MMCosine: logits as cosines."""

import pytest
import torch
from support.balance_evidence import random_step
from support.balanced import balanced, batch, gradients

from vatt_harmony.balance.rules.mmcosine import MMCosine


def test_logits_do_not_know_the_lengths_of_features_and_weights() -> None:
    fusion = random_step().fusion
    assert fusion is not None
    logits = MMCosine(scale=10).fused_logits(torch.zeros(0), fusion)
    longer = type(fusion)(features={m: z * 7 for m, z in fusion.features.items()}, weight=fusion.weight * 3, bias=None)
    assert torch.allclose(MMCosine(scale=10).fused_logits(torch.zeros(0), longer), logits)
    assert logits.shape == (12, 3) and float(logits.detach().abs().max()) <= 20


def test_the_export_warns_that_the_model_s_own_logits_were_not_trained() -> None:
    with pytest.warns(UserWarning, match="never trained"):
        balanced(MMCosine()).export()


def test_every_parameter_has_a_gradient_as_ddp_demands() -> None:
    balancer = balanced(MMCosine())
    assert gradients(balancer, batch()).keys() == dict(balancer.named_parameters()).keys()


def test_a_feature_along_a_class_s_weights_gives_the_scale() -> None:
    from vatt_harmony.balance.fusion import FusionInput

    weight = torch.tensor([[2.0, 0.0, 0.0, 3.0], [0.0, 1.0, 1.0, 0.0]])
    one = {"audio": torch.tensor([[5.0, 0.0]]), "video": torch.tensor([[0.0, 1.0]])}
    logits = MMCosine(scale=10).fused_logits(torch.zeros(0), FusionInput(features=one, weight=weight, bias=None))
    assert torch.allclose(logits, torch.tensor([[20.0, 0.0]]))
