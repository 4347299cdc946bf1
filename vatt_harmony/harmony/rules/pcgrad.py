"""PCGrad: a gradient that conflicts with another one is projected on the other's normal plane."""

from collections.abc import Callable
from math import factorial

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import isolated
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions
from vatt_harmony.harmony.rules.subsets import orders


def pcgrad(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """Each gradient is projected on the normal plane of every gradient that it conflicts with, then they are added.

    For two losses the weights are 1 − d/a² and 1 − d/b² if d = ⟨g, g'⟩ < 0. For more losses the order of projections
    matters: the average over all orders is taken, which is deterministic and equivariant to permutations of the losses
    (TorchJD draws an order). All weights are ≥ 1. Up to 6 losses. Source: Yu et al., arXiv 2001.06782, in the
    coefficients of the original gradients.
    """
    if gram.shape[1] == 2:
        # The default of every training step: five operators. `both` stands for 0 where it is false.
        both = active.all(dim=1, keepdim=True)
        ratio = torch.where(both, gram[:, :1, 1] / gram.diagonal(dim1=1, dim2=2), both)
        return 1 - ratio.clamp(max=0)
    gram = isolated(gram, active)
    projected = corrected(gram, orders(gram.shape[1], gram.device), _projection(gram))
    return projected.sum(dim=1) / factorial(gram.shape[1] - 1)


def pcgrad_one_sided(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """Only the first loss' gradient is projected on the normal planes of those that it conflicts with.

    With two losses the sum keeps all of the second gradient and loses of the first what opposes it. With more losses
    the average over all orders of the others is taken, as in `pcgrad`. Up to 6 losses. TorchJD has no such rule.
    """
    gram = isolated(gram, active)
    every = orders(gram.shape[1], gram.device)
    of_first = every[: len(every) // gram.shape[1]]
    weights = corrected(gram, of_first, _projection(gram)).mean(dim=1)
    weights[:, 1:] += 1
    return weights


def corrected(gram: Tensor, order: Tensor, correction: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Coefficients `[B, orders, M]` of each order's first gradient after one correction by each of the others in turn.

    gram `[B, M, M]`, order `[orders, M]`; correction(coefficients, place, inner `[B, orders]` products with the
    gradient at this place of each order) gives what is added to that gradient's coefficient, `[B, orders]`.
    """
    own = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    coefficients = own[order[:, 0]].expand(len(gram), -1, -1)
    for place in order.unbind(dim=1)[1:]:
        inner = torch.linalg.vecdot(coefficients, gram[:, place])
        coefficients = coefficients + correction(coefficients, place, inner)[:, :, None] * own[place]
    return coefficients


def _projection(gram: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    squared_norms = gram.diagonal(dim1=1, dim2=2)
    return lambda _, place, inner: -inner.clamp(max=0) / squared_norms[:, place]
