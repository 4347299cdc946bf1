"""IMTL-G: the update whose projection on every loss' gradient is the same."""

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import cosines, finished
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions
from vatt_harmony.harmony.rules.spectrum import equal_projection


def imtl_g(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """Weights of sum 1, of either sign, whose update has equal inner products with all unit gradients.

    For two losses 1/norm, normalised. TorchJD inverts the Gram matrix, here it is the matrix of cosines: the same for
    linearly independent gradients, and for others not a matter of the losses' scales. 0 where no such weights have a
    sum. Source: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021.
    """
    norms, cosine = cosines(gram, active)
    weights = (equal_projection(cosine) / norms).masked_fill(~active, 0.0)
    total = weights.sum(dim=1, keepdim=True)
    rounding = weights.abs().sum(dim=1, keepdim=True) * torch.finfo(weights.dtype).eps
    return finished(torch.where(total.abs() > rounding, weights / total, 0.0), active)
