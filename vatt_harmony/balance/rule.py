"""What a balancing rule is: the few places at which it may change a training step."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence, PathGains, Validation
from vatt_harmony.balance.fusion import FusionInput
from vatt_harmony.balance.step import Step

ScoreSource = Literal["heads", "slices", "jsd", "shapley", "shapley_jsd", "shapley_permuted"]
"""What s_m is computed from: unimodal heads, slices of the fusion's linear layer, divergence from the fused output,
or outputs with modalities removed."""
Point = Literal["grad", "lr", "loss"]
"""Where k acts: on gradients at the features, on the steps of parameter groups, on unimodal losses."""


class Rule:
    """One way to balance modalities; every default changes nothing. Subclasses override what they change.

    In each training step the balancer calls, in this order: `fused_logits` (in the forward pass), `parts`,
    `sample_scores`, `coefficients`, `drop_chances`, `extra_loss`, `path_gains`. Outside the window of steps in which
    balancing acts it calls `fused_logits` and `weights` alone.
    """

    unimodal: bool = True
    """Whether unimodal heads are made and their losses added."""
    scores: ScoreSource = "heads"
    needs_slices: bool = False
    """Whether the balancer must be given `fusion`, the path of a linear layer over the concatenated features."""
    needs_removal: bool = False
    """Whether `Step.logits_without` is called."""
    needs_validation: ClassVar[bool] = False
    """Whether `end_epoch` must be given a `Validation`."""
    several_backwards: ClassVar[bool] = False
    """Whether `path_gains` is asked: encoders are differentiated more than once a step (ZeRO stage 0 and 1 only)."""
    noisy: ClassVar[bool] = False
    """Whether the gradient of each of an encoder's tensors passes through `disturb`."""
    points: ClassVar[tuple[Point, ...]] = ("lr", "grad", "loss")
    """Where the rule's k may act."""
    fused_gain: float = 1.0
    """Factor on the fused loss's gradient at every feature."""
    unimodal_gain: float = 1.0
    """Factor on the unimodal loss's gradient at its feature."""

    def fused_logits(self, logits: Tensor, fusion: FusionInput | None) -> Tensor:
        """[B, C] in place of the model's fused logits, in training and in evaluation."""
        return logits

    def parts(self, step: Step) -> Mapping[str, Tensor] | None:
        """What each modality adds to the fused logits, [B, C] each.

        Their sum replaces the fused logits in the loss, and at the point `grad` k_m scales the gradient through part
        m, in place of the one at feature m.
        """
        return None

    def sample_scores(self, step: Step) -> Tensor | None:
        """s of each sample, [M, B]; None for what `scores` names."""
        return None

    def coefficients(self, evidence: Evidence) -> Tensor | None:
        """k [M] of this step; None changes nothing. Called once an optimizer step."""
        return None

    def path_gains(self, fused: Sequence[Tensor], unimodal: Sequence[Tensor]) -> PathGains:
        """Separate gains for one modality's fused and unimodal gradient, from both.

        They are given as one tensor for each tensor of the encoder, averaged over ranks. Only where the rule has
        `several_backwards`.
        """
        raise NotImplementedError

    def disturb(self, gradient: Tensor, k: Tensor, generator: torch.Generator) -> Tensor:
        """What becomes of the gradient of one tensor, given BEFORE it is scaled by k. Only where `noisy`."""
        raise NotImplementedError

    def drop_chances(self, evidence: Evidence, widths: Tensor) -> Tensor | None:
        """Chance [M] with which, in the next step, a sample's feature is zeroed on its way to the fusion.

        The features that are kept grow by 1 / (1 - theta), theta the mean chance weighed by `widths` [M]. Samples
        that lose all leave the fused loss.
        """
        return None

    def extra_loss(self, step: Step, evidence: Evidence) -> Tensor | None:
        """A further scalar term of the loss; use `step.mean`."""
        return None

    def weights(self, modalities: tuple[str, ...]) -> Mapping[str, float]:
        """Weight of each loss term: "fused" and every modality. May change in `end_epoch`."""
        return {"fused": 1.0} | dict.fromkeys(modalities, 1.0 if self.unimodal else 0.0)

    def end_epoch(self, validation: Validation | None) -> None:
        """Called on all ranks after each epoch, with the same values."""

    def state_dict(self) -> dict[str, Any]:
        """What moves, as plain numbers, lists and tensors."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
