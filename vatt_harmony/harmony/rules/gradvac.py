"""GradVac: two gradients whose cosine is below the pair's usual one are turned towards each other."""

from math import factorial

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import cosines, isolated
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions
from vatt_harmony.harmony.rules.pcgrad import corrected
from vatt_harmony.harmony.rules.subsets import orders

_HIGHEST_TARGET = 0.999
"""The correction needs sqrt(1 − target²) as a divisor."""


def gradvac(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """Each gradient gets as much of every other one as lifts their cosine to the target, then they are added.

    With target 0 it is `pcgrad`. With more than two losses the average over all orders is taken (TorchJD draws one).
    Up to 6 losses. Source: Wang et al., arXiv 2010.05874.
    """
    losses = gram.shape[1]
    order = orders(losses, gram.device)
    target = gram.new_zeros(losses, losses) if options.target is None else options.target.to(gram)
    target = target.clamp(-_HIGHEST_TARGET, _HIGHEST_TARGET)
    gram = isolated(gram, active)
    norms = gram.diagonal(dim1=1, dim2=2).sqrt()

    def correction(coefficients: Tensor, place: Tensor, inner: Tensor) -> Tensor:
        wanted = target[order[:, 0], place]
        own_norm = torch.linalg.vecdot(coefficients @ gram, coefficients).clamp(min=0).sqrt()
        length = own_norm * norms[:, place]
        cosine = (inner / length).nan_to_num(nan=0.0).clamp(-1, 1)
        lift = wanted * (1 - cosine.square()).sqrt() / (1 - wanted.square()).sqrt() - cosine
        # An inactive loss is orthogonal to all others, which a target above 0 would take for a low cosine.
        both = active[:, order[:, 0]] & active[:, place]
        return torch.where(both & (cosine < wanted), lift * own_norm / norms[:, place], 0.0)

    return corrected(gram, order, correction).sum(dim=1) / factorial(losses - 1)


def gradvac_target(gram: Tensor, active: Tensor, previous: Tensor, beta: float) -> Tensor:
    """The next target `[M, M]`: previous moved by the share beta towards the batch's mean cosine of every two losses.

    gram `[B, M, M]`, active bool `[B, M]` of the global batch; a pair of losses that is active in no sample keeps its
    target. TorchJD instead follows the cosines of gradients that are already corrected, sample by sample; with two
    losses and one sample both are the same.
    """
    own = torch.eye(gram.shape[1], dtype=torch.bool, device=gram.device)
    both = active[:, :, None] & active[:, None, :] & ~own
    total = cosines(gram, active)[1].masked_fill(~both, 0.0).sum(dim=0)
    count = both.sum(dim=0)
    mean = (total / count.clamp(min=1)).to(previous.dtype)
    return torch.where(count > 0, previous.lerp(mean, beta), previous)
