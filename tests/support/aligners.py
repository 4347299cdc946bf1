"""Small aligners with random weights, and sequences for them."""

from typing import Any

import torch
from torch import Tensor

from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.network import NeuMatch

WIDTH = 6


def small_aligner(streams: int = 2, seed: int = 0, **options: Any) -> NeuMatch:
    """Weights large enough that its decisions differ from state to state; in evaluation mode."""
    config = NetworkConfig(**({"width": 8, "action_width": 3, "matched_width": 4} | options))
    model = NeuMatch(config, [WIDTH] * streams, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("head"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model.eval()


def undecided(model: NeuMatch) -> NeuMatch:
    """The same aligner with so little difference between actions that the best path is seldom the greedy one."""
    with torch.no_grad():
        model.head.outer.weight.mul_(0.03)
        model.head.outer.bias.zero_()
    return model


def random_features(lengths: Tensor, seed: int = 0) -> tuple[Tensor, ...]:
    """Features `[B, N_s, D]` of sequences with int64 `[B, S]` items, noise in the padding too."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(len(lengths), int(longest), WIDTH, generator=generator) for longest in lengths.amax(0))
