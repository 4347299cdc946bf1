"""Nash-MTL: the update on which the losses would agree as the outcome of bargaining."""

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import cosines, finished
from vatt_harmony.harmony.rules.mgda import shortest
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions

_FLOOR = 1e-3
"""Lower bound of 1 + cosine for two losses: at opposite gradients the weights would be infinite."""
_NEWTON_STEPS = 30
"""Enough for 6 losses at the floor."""


def nash(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """Weights w > 0 with gram·w = 1/w: every loss gains the same share by the update.

    For two losses 1/(a√(1 + c)) and 1/(b√(1 + c)): for any sample the update has norm √M, so w scales inversely with
    the losses. Up to 6 losses. TorchJD's version, after the official code, is another one: it normalises by the Gram's
    norm, stops early and carries state. Source: Navon et al., arXiv 2202.01017.
    """
    norms, cosine = cosines(gram, active)
    if gram.shape[1] == 2:
        return finished((1 + cosine[:, :1, 1]).clamp(min=_FLOOR).rsqrt() / norms, active)
    count = active.sum(dim=1).clamp(min=1)
    point = shortest(cosine, active)
    square = torch.linalg.vecdot((cosine @ point[:, :, None])[:, :, 0], point)
    # Added to the diagonal it is the floor of 1 + c for two losses: it keeps every convex combination of n unit
    # gradients at a squared norm of at least floor/n.
    added = (_FLOOR - square * count).clamp(min=0)
    identity = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    return finished(_bargained(cosine + added[:, None, None] * identity) / norms, active)


def _bargained(matrix: Tensor) -> Tensor:
    """The x > 0 `[B, M]` with matrix·x = 1/x: minimum of x·matrix·x/2 − Σ log x, by damped Newton steps.

    The function is self-concordant, so the step 1/(1 + decrement) stays inside x > 0 and always descends. Source:
    Boyd & Vandenberghe, Convex Optimization, section 9.6.
    """
    x = (matrix.shape[1] / matrix.sum(dim=(1, 2), keepdim=True)[:, :, 0]).sqrt() * torch.ones_like(matrix[:, 0])
    for _ in range(_NEWTON_STEPS):
        slope = (matrix @ x[:, :, None])[:, :, 0] - 1 / x
        curvature = matrix + torch.diag_embed(x.square().reciprocal())
        step = torch.linalg.solve_ex(curvature, slope)[0]
        decrement = torch.linalg.vecdot(slope, step).clamp(min=0).sqrt()[:, None]
        x = x - step / torch.where(decrement < 0.25, 1.0, 1 + decrement)
    return x
