"""Rules: from one sample's Gram matrix of loss gradients to the weights with which the gradients are added up.

A rule maps (gram `[B, M, M]`, active bool `[B, M]`) to weights `[B, M]`. A loss that is not active exists for no other
loss and has weight 1, whatever its entries in gram hold.
"""

from collections.abc import Callable
from itertools import permutations

import torch
from torch import Tensor


def plain_sum(gram: Tensor, active: Tensor) -> Tensor:
    """Weights 1: the plain sum of the losses."""
    return torch.ones_like(active, dtype=gram.dtype)


def pcgrad(gram: Tensor, active: Tensor) -> Tensor:
    """Each gradient is projected on the normal plane of every gradient that it conflicts with, then they are added.

    For two losses the weights are 1 − d/a² and 1 − d/b² if d = ⟨g, g'⟩ < 0. For more losses the order of projections
    matters: the average over all orders is taken, which is deterministic and equivariant to permutations of the losses.
    All weights are ≥ 1. Source: Yu et al., arXiv 2001.06782, in the coefficients of the original gradients.
    """
    gram = _isolated(gram, active)
    squared_norm = gram.diagonal(dim1=1, dim2=2)
    losses = range(gram.shape[1])
    if len(losses) == 2:
        return 1 - gram[:, :1, 1].clamp(max=0) / squared_norm
    weights = torch.zeros_like(squared_norm)
    for first in losses:
        orders = list(permutations(other for other in losses if other != first))
        for order in orders:
            weights = weights + _projected(gram, squared_norm, first, order) / len(orders)
    return weights


RULES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"sum": plain_sum, "pcgrad": pcgrad}


def _projected(gram: Tensor, squared_norm: Tensor, first: int, order: tuple[int, ...]) -> Tensor:
    """Coefficients `[B, M]` of gradient `first` after its projections in the given order."""
    coefficients = torch.zeros_like(squared_norm)
    coefficients[:, first] = 1
    for other in order:
        inner = torch.linalg.vecdot(coefficients, gram[:, :, other])
        coefficients[:, other] -= inner.clamp(max=0) / squared_norm[:, other]
    return coefficients


def _isolated(gram: Tensor, active: Tensor) -> Tensor:
    """Gram in which every inactive loss has norm 1 and is orthogonal to all others."""
    identity = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    return torch.where(active[:, :, None] & active[:, None, :], gram, identity)
