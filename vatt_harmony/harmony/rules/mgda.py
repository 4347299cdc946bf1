"""MGDA: the shortest convex combination of the gradients."""

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import finished, scaled
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions
from vatt_harmony.harmony.rules.subsets import best, cut_out, subsets


def mgda(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """Weights of the simplex (≥ 0, sum 1) whose combination of the gradients is the shortest.

    Exact, where TorchJD iterates until a step is small enough; up to 6 losses. Source: Désidéri, 2012; Sener & Koltun,
    arXiv 1810.04650.
    """
    gram = scaled(gram, active)
    if gram.shape[1] > 2:
        return finished(shortest(gram, active), active)
    first, second, inner = gram[:, 0, 0], gram[:, 1, 1], gram[:, 0, 1]
    # Equal gradients: any weights are right.
    share = ((second - inner) / (first + second - 2 * inner)).nan_to_num(nan=0.5).clamp(0, 1)
    return finished(torch.stack([share, 1 - share], dim=1), active)


def shortest(gram: Tensor, active: Tensor) -> Tensor:
    """Weights `[B, M]` of the shortest point in the convex hull of each sample's active gradients, 0 for inactive ones.

    gram `[B, M, M]` with finite entries of order 1. The shortest point of the hull is the shortest of the affine hull
    of some face, so every face's is computed and the shortest of those inside the hull is taken.
    """
    losses = gram.shape[1]
    faces = subsets(losses, gram.device)[1:]
    # Stationary with sum 1: [[gram, 1], [1, 0]] (w, λ) = (0, 1); it is regular wherever the face has a unique point.
    system = gram.new_zeros(len(gram), len(faces), losses + 1, losses + 1)
    system[:, :, :losses, :losses] = cut_out(gram, faces)
    system[:, :, :losses, losses] = system[:, :, losses, :losses] = faces.to(gram.dtype)
    right = gram.new_zeros(len(gram), len(faces), losses + 1)
    right[:, :, losses] = 1
    points = torch.linalg.solve_ex(system, right)[0][:, :, :losses]
    inside = points.isfinite().all(dim=2) & (points >= 0).all(dim=2) & ~(faces & ~active[:, None]).any(dim=2)
    points = points / points.sum(dim=2, keepdim=True)
    return best(points, torch.linalg.vecdot(points @ gram, points), inside)
