"""What one training step offers to a rule: outputs with their graph, and the labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vatt_harmony.balance.fusion import FusionInput, slices
from vatt_harmony.balance.reduce import global_mean
from vatt_harmony.balance.removal import Removal
from vatt_harmony.balance.task import Task


@dataclass(kw_only=True)
class Step:
    """One forward pass of this rank over B samples, in the order of `modalities`; tensors carry their graph."""

    modalities: tuple[str, ...]
    logits: Tensor
    """[B, C] of the model's fused output, as the model gave it."""
    unimodal: Mapping[str, Tensor]
    """[B, C] of each unimodal head; empty where the rule has none."""
    features: Mapping[str, Tensor]
    """[B, D_m] what the heads read; gradients that come this way count as unimodal."""
    fusion: FusionInput | None
    """Input and weights of the fusion's linear layer, where the balancer was given its path."""
    without: Callable[[frozenset[str], Removal], Tensor]
    """Runs the fusion again, in evaluation mode, with these modalities removed: logits [B, C]."""
    targets: Tensor
    present: Mapping[str, Tensor]
    """bool [B]: which samples have the modality."""
    task: Task
    step: int
    """Optimizer steps taken."""
    epoch: int
    _without: dict[tuple[frozenset[str], Removal], Tensor] = field(default_factory=dict)

    def slices(self) -> dict[str, Tensor]:
        """Each modality's share W_m z_m + b / M of a linear fusion, [B, C]."""
        assert self.fusion is not None, "the balancer sees to it where the rule `needs_slices`"
        return slices(self.fusion)

    def logits_without(self, removed: frozenset[str], mode: Removal = "zero") -> Tensor:
        """Fused logits [B, C] with these modalities removed, with gradients; computed once a step for each set."""
        if not removed:
            return self.logits
        if (removed, mode) not in self._without:
            self._without[removed, mode] = self.without(removed, mode)
        return self._without[removed, mode]

    def mean(self, values: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Mean of `values` [B] over the chosen samples (bool [B]) of all ranks, with gradients; 0 of none.

        Its gradient averaged over ranks, as DDP does, is that of the global mean. All ranks must call.
        """
        return global_mean(values, torch.ones_like(values, dtype=torch.bool) if chosen is None else chosen)
