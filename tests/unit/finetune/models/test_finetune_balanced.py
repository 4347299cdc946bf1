"""The networks inside a `Balancer`: k acts once on every path, and a removed modality is a missing one."""

from typing import Any

import pytest
import torch
from support.finetune_models import CNN, VIT, clips, small_finetune_model
from torch import Tensor

from vatt_harmony.balance import Balancer, Classification
from vatt_harmony.balance.rules import make_rule
from vatt_harmony.finetune.models.fusions.build import FUSIONS
from vatt_harmony.finetune.monitor.removals import outputs_without

TARGETS = torch.tensor([0, 1, 2])


def balancer(fusion: str, rule: str = "multiloss", audio: dict[str, Any] | None = None, **options: Any) -> Balancer:
    model = small_finetune_model({"audio": VIT if audio is None else audio, "video": VIT}, fusion, audio={"hop": 127})
    return Balancer(
        model.eval(),
        model.feature_paths,
        task=Classification(3),
        rule=make_rule(rule, options),
        point="grad",
        fusion=model.fusion_linear,
        example=clips(2),
    )


def gradients(balanced: Balancer) -> dict[str, Tensor]:
    balanced.train()
    balanced.model.eval()  # no dropout
    loss, _ = balanced.loss(balanced(**clips()), TARGETS)
    loss.backward()
    named = balanced.model.named_parameters()
    return {name: parameter.grad for name, parameter in named if parameter.grad is not None}


@pytest.mark.parametrize("fusion", FUSIONS)
def test_k_scales_every_gradient_of_its_encoder_once(fusion: str) -> None:
    plain = gradients(balancer(fusion))
    scaled = gradients(balancer(fusion, "constant", k={"audio": 0.25, "video": 2.0}))
    factors = {"encoders.audio": 0.25, "encoders.video": 2.0}
    assert {name for name in plain if name.startswith("encoders")}
    for name, gradient in plain.items():
        factor = next((value for start, value in factors.items() if name.startswith(start)), 1.0)
        torch.testing.assert_close(scaled[name], factor * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("train", ["frozen", "lora"])
def test_what_does_not_learn_gets_no_gradient_and_its_head_does(train: str) -> None:
    balanced = balancer("linear", "mlb", audio=VIT | {"train": train})
    names = {name for name in gradients(balanced) if name.startswith("encoders.audio")}
    assert (not names) if train == "frozen" else (names and all("lora" in name for name in names))
    assert all(parameter.grad is not None for parameter in balanced.heads.parameters())


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_removed_modality_is_one_that_is_missing_everywhere(fusion: str) -> None:
    balanced = balancer(fusion).eval()
    none = torch.zeros(3, dtype=torch.bool)
    with torch.no_grad(), balanced.cached_features():
        plain = balanced(**clips()).logits
        runs: list[int] = []
        hook = balanced.model.encoders["audio"].backbone.register_forward_hook(lambda *_: runs.append(1))
        outputs = outputs_without(balanced, balanced.modalities, lambda: balanced(**clips()).logits)
        hook.remove()
    assert not runs and len(outputs) == 5
    with torch.no_grad():
        missing = {name: balanced.model(present=dict.fromkeys(gone, none), **clips()) for name, gone in {
            "without audio": ["audio"], "without video": ["video"], "without audio+video": ["audio", "video"],
        }.items()}  # fmt: skip
    for name, logits in missing.items():
        torch.testing.assert_close(outputs[name], logits)
        assert not torch.allclose(logits, plain)
    assert not torch.allclose(outputs["permuted audio"], plain)


def test_nothing_is_removed_from_a_single_modality() -> None:
    model = small_finetune_model({"video": CNN})
    example = {"video": clips()["video"]}
    balanced = Balancer(model, model.feature_paths, task=Classification(3), rule=make_rule("none", {}), example=example)
    assert outputs_without(balanced, balanced.modalities, lambda: balanced(**example).logits) == {}
