"""PMR: the weaker modality is also drawn to class prototypes (Fan et al., CVPR 2023, arXiv 2211.07089)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.ratios import behind
from vatt_harmony.balance.reduce import sum_over_ranks
from vatt_harmony.balance.rule import Rule
from vatt_harmony.balance.scores import true_class_probability
from vatt_harmony.balance.step import Step
from vatt_harmony.balance.task import Classification
from vatt_harmony.errors import UserError


def prototype_logits(features: Tensor, prototypes: Tensor) -> Tensor:
    """Minus the Euclidean distance `[B, C]` of features `[B, D]` to each class's prototype `[C, D]`; fp32 at least."""
    return -torch.cdist(features.to(prototypes.dtype), prototypes)


def renewed(old: Tensor | None, sums: Tensor, counts: Tensor, momentum: float = 0.2) -> Tensor:
    """Prototypes `[C, D]` from features summed by class `[C, D]` and counted `[C]`.

    The mean, or (1 - momentum) mean + momentum old; a class not seen keeps its old prototype, or gets the mean of all.
    """
    seen = (counts > 0).unsqueeze(-1)
    mean = sums / counts.clamp(min=1).unsqueeze(-1)
    if old is None:
        return torch.where(seen, mean, sums.sum(0) / counts.sum().clamp(min=1))
    return torch.where(seen, (1 - momentum) * mean + momentum * old, old)


class PMR(Rule):
    """The fused loss, and alpha x cross-entropy of the weaker modality's distances to prototypes; no k.

    Prototypes are renewed in each epoch from the features of its first `prototype_steps` forward passes (about a tenth
    of the epoch in the paper); before the first are known the fused loss stands alone.
    """

    unimodal = False

    def __init__(self, alpha: float = 1.0, prototype_steps: int = 20, momentum: float = 0.2) -> None:
        self.alpha, self.prototype_steps, self.momentum = alpha, prototype_steps, momentum
        self._prototypes: dict[str, Tensor] = {}
        self._sums: dict[str, Tensor] = {}
        self._epoch, self._passes = -1, 0

    def sample_scores(self, step: Step) -> Tensor:
        if not isinstance(step.task, Classification):
            raise UserError(
                "The rule `pmr` was given a task without classes", "It has no prototypes", "Choose another rule"
            )
        with torch.no_grad():
            if not self._prototypes:
                return torch.ones(len(step.modalities), len(step.targets), device=step.logits.device)
            return torch.stack(
                [
                    true_class_probability(prototype_logits(step.features[name], self._prototypes[name]), step.targets)
                    for name in step.modalities
                ]
            )

    def extra_loss(self, step: Step, evidence: Evidence) -> Tensor | None:
        loss = self._drawn(step, evidence) if self._prototypes else None
        self._collect(step)
        return loss

    def _drawn(self, step: Step, evidence: Evidence) -> Tensor:
        ratio = behind(evidence.scores, evidence.present)
        weakest = (ratio == ratio.max()) & (ratio > 1)
        terms = []
        for name, weak in zip(step.modalities, weakest, strict=True):
            logits = prototype_logits(step.features[name], self._prototypes[name])
            losses = F.cross_entropy(logits, step.targets, reduction="none")
            terms.append(weak * step.mean(losses, step.present[name]))
        return self.alpha * torch.stack(terms).sum()

    def _collect(self, step: Step) -> None:
        if step.epoch != self._epoch:
            self._epoch, self._passes, self._sums = step.epoch, 0, {}
        if self._passes >= self.prototype_steps:
            return
        self._passes += 1
        for name in step.modalities:
            summed = sum_over_ranks(_by_class(step.features[name].detach(), step.targets, step.present[name], step))
            self._sums[name] = self._sums[name] + summed if name in self._sums else summed
        if self._passes == self.prototype_steps:
            for name, sums in self._sums.items():
                old = self._prototypes.get(name)
                self._prototypes[name] = renewed(old, sums[:, :-1], sums[:, -1], self.momentum)

    def state_dict(self) -> dict[str, Any]:
        return {
            "prototypes": dict(self._prototypes),
            "sums": dict(self._sums),
            "epoch": self._epoch,
            "passes": self._passes,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._prototypes, self._sums = dict(state["prototypes"]), dict(state["sums"])
        self._epoch, self._passes = state["epoch"], state["passes"]


def _by_class(features: Tensor, targets: Tensor, present: Tensor, step: Step) -> Tensor:
    """Sums of features by class and, in the last column, their number: `[C, D + 1]`, fp32 at least."""
    rows = torch.cat([features.float(), torch.ones(len(features), 1, device=features.device)], dim=1)
    empty = rows.new_zeros(step.task.outputs, rows.shape[1])
    return empty.index_add(0, targets[present], rows[present])
