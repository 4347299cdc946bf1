"""Unimodal heads: one linear layer a modality, made for the balancer and dropped with it."""

import math
from collections.abc import Mapping

import torch
from torch import nn

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
