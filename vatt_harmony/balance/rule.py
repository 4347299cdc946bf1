"""What a balancing rule is: the few places at which it may change a training step."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence, Validation

ScoreSource = Literal["heads", "slices", "jsd", "shapley", "shapley_jsd", "shapley_permuted"]
"""What s_m is computed from: unimodal heads, slices of the fusion's linear layer, divergence from the fused output,
or outputs with modalities removed."""


class Rule:
    """One way to balance modalities; every default changes nothing. Subclasses override what they change."""

    unimodal: ClassVar[bool] = True
    """Whether unimodal heads are made and their losses added."""
    scores: ScoreSource = "heads"
    needs_slices: ClassVar[bool] = False
    """Whether the fusion must be a linear layer over the concatenated features."""
    needs_validation: ClassVar[bool] = False
    """Whether `end_epoch` must be given a `Validation`."""
    several_backwards: ClassVar[bool] = False
    """Whether encoders are differentiated more than once a step (refused at ZeRO stage 2 and 3)."""
    fused_gain: float = 1.0
    """Factor on the fused loss's gradient at every feature."""
    unimodal_gain: float = 1.0
    """Factor on the unimodal loss's gradient at its feature."""

    def coefficients(self, evidence: Evidence) -> Tensor:
        """k [M] of this step; 1 changes nothing."""
        return torch.ones_like(evidence.scores)

    def weights(self, modalities: tuple[str, ...]) -> Mapping[str, float]:
        """Weight of each loss term: "fused" and every modality."""
        return {"fused": 1.0} | dict.fromkeys(modalities, 1.0 if self.unimodal else 0.0)

    def end_epoch(self, validation: Validation | None) -> None:
        """Called on all ranks after each epoch, with the same values."""

    def state_dict(self) -> dict[str, Any]:
        """What moves, as plain numbers, lists and tensors."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
