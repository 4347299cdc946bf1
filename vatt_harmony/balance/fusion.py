"""The fusion's linear layer: what went in, and each modality's share of what came out."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from vatt_harmony.balance.features import find_module
from vatt_harmony.balance.scores import slice_logits
from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class FusionInput:
    """Features as they entered the fusion's linear layer, and its weights."""

    features: dict[str, Tensor]
    """[B, D_m], in the order in which they are concatenated."""
    weight: Tensor
    """[C, sum D_m]"""
    bias: Tensor | None
    """[C]"""


def fusion_input(value: Tensor, layer: nn.Linear, widths: dict[str, int]) -> FusionInput:
    """Cut the input `[B, sum D_m]` of `layer` into modalities; raises UserError where the widths do not add up."""
    if value.shape[-1] != sum(widths.values()):
        raise UserError(
            f"The fusion layer takes {value.shape[-1]} numbers a sample, the features have {widths}",
            "No slice of its weights could be told to belong to a modality",
            "Name the linear layer that takes the features, concatenated in the order in which you name them",
        )
    features = dict(zip(widths, torch.split(value, list(widths.values()), dim=-1), strict=True))
    return FusionInput(features=features, weight=layer.weight, bias=layer.bias)


def check_whole(fusion: FusionInput) -> None:
    """Raise UserError where ZeRO stage 3 or FSDP takes the weights away after the layer's own forward pass."""
    if hasattr(fusion.weight, "ds_id") or isinstance(fusion.weight.data, DTensor):
        raise UserError(
            "The fusion layer's weights are partitioned (ZeRO stage 3, FSDP)",
            "Its slices could not be computed outside of its forward pass",
            "Use ZeRO stage 2 or less, leave the layer whole, or take a rule that scores by unimodal heads",
        )


def slices(fusion: FusionInput) -> dict[str, Tensor]:
    """Each modality's share of the fused logits, W_m z_m + b / M, `[B, C]` each."""
    check_whole(fusion)
    return slice_logits(fusion.features, fusion.weight, fusion.bias)


def find_linear(model: nn.Module, path: str) -> nn.Linear:
    """The linear layer at `path`; raises UserError where there is none."""
    layer = find_module(model, path, "the fusion")
    if not isinstance(layer, nn.Linear):
        raise UserError(
            f"The fusion {path!r} is a {type(layer).__name__}",
            "Its weights could not be cut into one slice a modality",
            "Name a linear layer over the concatenated features, or use a rule that scores by unimodal heads",
        )
    return layer
