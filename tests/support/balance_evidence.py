"""Evidence and steps for tests of balancing rules, without a model."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.fusion import FusionInput
from vatt_harmony.balance.step import Step
from vatt_harmony.balance.task import Classification

NAMES = ("audio", "video", "text")


def evidence(
    scores: Sequence[float],
    *,
    present: Sequence[bool] | None = None,
    accuracies: Sequence[float] | None = None,
    lower_is_better: bool = False,
    step: int = 0,
) -> Evidence:
    """Scores of the first modalities of `NAMES`; absent ones become NaN, as the balancer gives them."""
    here = torch.tensor([True] * len(scores) if present is None else list(present))
    values = torch.tensor(scores, dtype=torch.float64)
    right = values if accuracies is None else torch.tensor(accuracies, dtype=torch.float64)
    return Evidence(
        modalities=NAMES[: len(scores)],
        scores=values.masked_fill(~here, torch.nan),
        losses=values.masked_fill(~here, torch.nan),
        accuracies=right.masked_fill(~here, torch.nan),
        present=here,
        lower_is_better=lower_is_better,
        step=step,
        epoch=0,
    )


def linear_step(
    features: Mapping[str, Tensor], weight: Tensor, targets: Tensor, *, step: int = 0, epoch: int = 0
) -> Step:
    """A step of a linear fusion without bias over `features` [B, D_m], run again with features set to zero."""

    def fused(removed: frozenset[str], mode: str = "zero") -> Tensor:
        kept = [z * 0 if name in removed else z for name, z in features.items()]
        return torch.cat(kept, dim=1) @ weight.T

    return Step(
        modalities=tuple(features),
        logits=fused(frozenset()),
        unimodal={},
        features=dict(features),
        fusion=FusionInput(features=dict(features), weight=weight, bias=None),
        without=fused,
        targets=targets,
        present={name: torch.ones(len(targets), dtype=torch.bool) for name in features},
        task=Classification(len(weight)),
        step=step,
        epoch=epoch,
    )


def random_step(seed: int = 0, *, modalities: int = 2, batch: int = 12, classes: int = 3, epoch: int = 0) -> Step:
    """Random features of widths 4, 5, 6 that need gradients, random weights and labels, float64."""
    generator = torch.Generator().manual_seed(seed)
    widths = [4 + number for number in range(modalities)]
    features = {
        name: torch.randn(batch, width, generator=generator, dtype=torch.float64).requires_grad_()
        for name, width in zip(NAMES, widths, strict=False)
    }
    weight = torch.randn(classes, sum(widths), generator=generator, dtype=torch.float64)
    return linear_step(features, weight, torch.randint(classes, (batch,), generator=generator), epoch=epoch)
