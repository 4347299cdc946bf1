"""What a balancing rule may look at: reduced over ranks, one value a modality."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Figures of one optimiser step, over the global batch; M modalities in the order of `modalities`.

    Tensors are float64 [M] on the CPU or the device of the features, detached; NaN where a modality is absent.
    """

    modalities: tuple[str, ...]
    scores: Tensor
    """[M] s_m, from the outputs that the rule's `scores` names."""
    losses: Tensor
    """[M] mean loss of each unimodal head (negative log-likelihood for classification)."""
    accuracies: Tensor
    """[M] share of samples that each unimodal head gets right."""
    present: Tensor
    """bool [M]: whether any sample of the global batch has the modality."""
    lower_is_better: bool
    """Whether small scores are good (regression)."""
    step: int
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What an epoch gave on the validation set: the fused output under "fused", modalities under their names."""

    losses: Mapping[str, float]
    accuracies: Mapping[str, float]
    train_losses: Mapping[str, float]
    """Means over the training set of the same epoch."""


@dataclass(frozen=True, kw_only=True)
class PathGains:
    """What is done to one modality's gradient: two ways to its feature, then each tensor of its encoder."""

    fused: Tensor
    """Factor [] on the fused loss's gradient at the feature."""
    unimodal: Tensor
    """Factor [] on the unimodal loss's gradient at the feature."""
    tensors: Tensor
    """Factor [T] on each tensor's gradient, after the two have met."""
