"""Aligned-MTL: the gradients' principal components, all as long as the shortest one."""

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import finished, scaled
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions
from vatt_harmony.harmony.rules.spectrum import eigh


def aligned(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """√λ_min·gram^(−1/2) times the mean's weights, the scale mode `min`; weights of either sign.

    λ_min is the smallest eigenvalue even if it is 0, so that weights change continuously; TorchJD then takes the
    smallest one above rounding. Source: Senushkin et al., arXiv 2305.19000.
    """
    gram = scaled(gram, active)
    tiny = torch.finfo(gram.dtype).tiny
    if gram.shape[1] == 2:
        first, second, inner = gram[:, 0, 0], gram[:, 1, 1], gram[:, 0, 1]
        root = (first * second - inner.square()).clamp(min=0).sqrt()
        largest = (first + second + ((first - second).square() + 4 * inner.square()).sqrt()) / 2
        scale = 2 * ((first + second + 2 * root) * largest).sqrt()
        return finished(torch.stack([second + root - inner, first + root - inner], dim=1) / scale[:, None], active)
    # An inactive loss is an eigenvector of eigenvalue 1, the largest squared norm: never the smallest.
    values, vectors = eigh(gram)
    values = values.clamp(min=tiny)
    shrunk = (values.amin(dim=1, keepdim=True) / values).sqrt()
    mean = active / active.sum(dim=1, keepdim=True).clamp(min=1).to(gram.dtype)
    return finished(torch.einsum("bmk,bk,bnk,bn->bm", vectors, shrunk, vectors, mean), active)
