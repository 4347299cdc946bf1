"""UPGrad: every gradient is projected where it conflicts with none, then the projections are averaged."""

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import cosines, finished
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions
from vatt_harmony.harmony.rules.pcgrad import pcgrad
from vatt_harmony.harmony.rules.subsets import cut_out, subsets


def upgrad(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """Mean of the gradients' projections on the cone of directions that oppose no gradient.

    For two losses half of `pcgrad`. Exact, where TorchJD adds 1e-4 to the diagonal for its solver; up to 6 losses.
    Source: Quinton & Rey, arXiv 2406.16232.
    """
    if gram.shape[1] == 2:
        return finished(pcgrad(gram, active) / 2, active)
    norms, cosine = cosines(gram, active)
    coefficients = norms[:, :, None] * _projected(cosine) / norms[:, None, :]
    count = active.sum(dim=1, keepdim=True).clamp(min=1)
    return finished(coefficients.sum(dim=1) / count, active)


def _projected(cosine: Tensor) -> Tensor:
    """Row i: coefficients of unit gradient i, projected: `[B, M, M]`.

    The projection is the shortest vector e_i + y with y ≥ 0. Its y solves the equations of its non-zero entries, so
    they are solved for every subset and the shortest of those with y ≥ 0 is taken.
    """
    losses = cosine.shape[1]
    subset = subsets(losses, cosine.device)
    own = torch.eye(losses, dtype=cosine.dtype, device=cosine.device)
    right = -cosine[:, None] * subset[:, :, None]
    added: Tensor = torch.linalg.solve_ex(cut_out(cosine, subset), right)[0].mT
    feasible = added.isfinite().all(dim=3) & (added >= 0).all(dim=3)
    rows = own + added
    square = torch.linalg.vecdot(rows @ cosine[:, None], rows).masked_fill(~feasible, float("inf"))
    return rows.take_along_dim(square.argmin(dim=1)[:, None, :, None], dim=1)[:, 0]
