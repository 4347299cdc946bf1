"""Scores of each sample, from whatever a rule scores modalities by."""

from collections.abc import Callable

import torch
from torch import Tensor

from vatt_harmony.balance.removal import Removal
from vatt_harmony.balance.rule import ScoreSource
from vatt_harmony.balance.scores import jensen_shannon, shapley, subsets
from vatt_harmony.balance.step import Step


@torch.no_grad()
def from_slices(step: Step) -> Tensor:
    """Scores of each modality's share of a linear fusion, `[M, B]`."""
    return _judged(step, step.slices())


@torch.no_grad()
def from_divergence(step: Step) -> Tensor:
    """Jensen-Shannon divergence of each head's prediction and the fused one, `[M, B]`."""
    return torch.stack([jensen_shannon(step.unimodal[name], step.logits) for name in step.modalities])


@torch.no_grad()
def from_shapley(step: Step) -> Tensor:
    """Scores of each modality's Shapley value of the fused logits, `[M, B]`."""
    return _judged(step, contributions(step))


@torch.no_grad()
def from_permuted_shapley(step: Step) -> Tensor:
    """As `from_shapley`, a modality being removed by exchanging its features between samples."""
    return _judged(step, contributions(step, "permute"))


@torch.no_grad()
def from_shapley_divergence(step: Step) -> Tensor:
    """Jensen-Shannon divergence of each modality's Shapley value and the fused logits, `[M, B]`."""
    values = contributions(step)
    return torch.stack([jensen_shannon(values[name], step.logits) for name in step.modalities])


def contributions(step: Step, mode: Removal = "zero") -> dict[str, Tensor]:
    """Shapley value `[B, C]` of each modality, the fused logits being what a set of modalities is worth."""
    every = frozenset(step.modalities)
    value = {left: step.logits_without(every - left, mode) for left in subsets(step.modalities)}
    return shapley(value, step.modalities)


SOURCES: dict[ScoreSource, Callable[[Step], Tensor]] = {
    "slices": from_slices,
    "jsd": from_divergence,
    "shapley": from_shapley,
    "shapley_jsd": from_shapley_divergence,
    "shapley_permuted": from_permuted_shapley,
}
"""All but "heads", whose scores come with their losses."""


def _judged(step: Step, logits: dict[str, Tensor]) -> Tensor:
    return step.task.judge(torch.stack([logits[name] for name in step.modalities]).float(), step.targets).scores
