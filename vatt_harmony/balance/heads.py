"""Unimodal heads: one linear layer a modality, made for the balancer and dropped with it."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from vatt_harmony.balance.features import Feature
from vatt_harmony.balance.modes import as_arguments, evaluating
from vatt_harmony.balance.taps import Taps
from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_int


def make_heads(widths: Mapping[str, int], outputs: int, seed: int, like: torch.Tensor) -> nn.ModuleDict:
    """A linear layer for each modality, of the device and type of `like`.

    First values as those of `nn.Linear`, but drawn from (seed, name): the same on every rank, and the caller's own
    random numbers stay as they were.
    """
    heads = nn.ModuleDict()
    for name, width in widths.items():
        head = nn.Linear(width, outputs, device="meta").to_empty(device="cpu")
        generator = torch.Generator().manual_seed(keyed_int(seed, "balance head", name))
        bound = 1 / math.sqrt(width)
        for parameter in head.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        heads[name] = head.to(device=like.device, dtype=like.dtype)
    return heads


def find_widths(taps: Taps, model: nn.Module, features: Mapping[str, Feature], example: Any) -> dict[str, int]:
    """Width of each feature, from its `Feature` or from a forward pass on the model's arguments `example`.

    A mapping is taken as named arguments, a tuple or list as positional ones. Raises UserError where a width stays
    unknown.
    """
    known = {name: feature.width for name, feature in features.items() if feature.width is not None}
    if example is not None and len(known) < len(features):
        arguments, named = as_arguments(example)
        with torch.no_grad(), evaluating(model):
            passed = taps.run(arguments, named, {})
        known |= {name: tapped.feature.shape[-1] for name, tapped in passed.tapped.items() if name not in known}
    unknown = [name for name in features if name not in known]
    if unknown:
        raise UserError(
            f"The width of the feature of {', '.join(unknown)} is not known",
            "No unimodal head could be made",
            "Give Balancer(..., example=batch), or Feature(path, width=...)",
        )
    return {name: known[name] for name in features}
