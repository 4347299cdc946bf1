"""MMPareto: fused and unimodal gradients weighed so that they do not conflict (Wei and Hu, ICML 2024, 2405.17730)."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import PathGains
from vatt_harmony.balance.rule import Rule
from vatt_harmony.balance.scores import at_least_fp32


def pareto_weights(fused: Tensor, unimodal: Tensor) -> Tensor:
    """Weights `[2]` of two flat gradients: a half each if they agree, else those of the shortest convex combination."""
    product, one, other = fused @ unimodal, fused @ fused, unimodal @ unimodal
    apart = one + other - 2 * product
    shortest = ((other - product) / apart.clamp(min=torch.finfo(apart.dtype).tiny)).clamp(0.0, 1.0)
    weight = torch.where((product > 0) | (apart == 0), torch.full_like(product, 0.5), shortest)
    return torch.stack([weight, 1 - weight])


def lengthening(fused: Tensor, unimodal: Tensor, weights: Tensor) -> Tensor:
    """Factor [] that brings one tensor's 2 w1 g_fused + 2 w2 g_unimodal to the norm of the plain sum, if shorter."""
    norm, plain = (2 * weights[0] * fused + 2 * weights[1] * unimodal).norm(), (fused + unimodal).norm()
    return torch.where((norm < plain) & (norm > 0), plain / norm, torch.ones_like(norm))


class MMPareto(Rule):
    """Fused and unimodal losses; each encoder gets the combination of the two gradients, lengthened, x gamma.

    Heads keep the plain sum. One more backward through every encoder for each loss.
    """

    several_backwards: ClassVar[bool] = True

    def __init__(self, gamma: float = 1.5) -> None:
        self.gamma = gamma

    def path_gains(self, fused: Sequence[Tensor], unimodal: Sequence[Tensor]) -> PathGains:
        weights = pareto_weights(_flat(fused), _flat(unimodal))
        lengthened = [lengthening(one, other, weights) for one, other in zip(fused, unimodal, strict=True)]
        return PathGains(fused=2 * weights[0], unimodal=2 * weights[1], tensors=self.gamma * torch.stack(lengthened))


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return at_least_fp32(torch.cat([tensor.flatten() for tensor in tensors]))
