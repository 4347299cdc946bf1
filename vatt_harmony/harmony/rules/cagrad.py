"""CAGrad: near the mean gradient, the update that helps the worst-off loss most."""

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import finished, scaled
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions
from vatt_harmony.harmony.rules.subsets import best, cut_out, subsets


def cagrad(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """The update d within c·‖g₀‖ of the mean gradient g₀ with the largest min ⟨g_i, d⟩, c the conflict aversion.

    d = g₀ + c·‖g₀‖·g_w/‖g_w‖, where w minimises ⟨g_w, g₀⟩ + c·‖g₀‖·‖g_w‖ over the simplex (TorchJD: a conic solver);
    exact, up to 6 losses. Source: Liu et al., arXiv 2110.14048.
    """
    gram = scaled(gram, active)
    mean = active / active.sum(dim=1, keepdim=True).clamp(min=1).to(gram.dtype)
    to_mean = (gram @ mean[:, :, None])[:, :, 0]
    radius = options.conflict_aversion * torch.linalg.vecdot(to_mean, mean).clamp(min=0).sqrt()
    points = _stationary(gram, to_mean, radius)
    inside = points.isfinite().all(dim=2) & (points >= 0).all(dim=2)
    inside = inside & ~(subsets(gram.shape[1], gram.device)[1:] & ~active[:, None]).any(dim=2)
    tiny = torch.finfo(gram.dtype).tiny
    points = points / points.sum(dim=2, keepdim=True).clamp(min=tiny)
    lengths = torch.linalg.vecdot(points @ gram, points).clamp(min=tiny).sqrt()
    cost = torch.linalg.vecdot(points, to_mean[:, None]) + radius[:, None] * lengths
    scale = radius[:, None] / lengths
    return finished(mean + best(points * scale[:, :, None], cost, inside), active)


def _stationary(gram: Tensor, to_mean: Tensor, radius: Tensor) -> Tensor:
    """On every face the point x = radius·w/‖g_w‖ at which the cost has equal slopes: `[B, faces, M]`.

    Equal slopes: gram·x = μ − gram·mean on the face, so x = μp − q; μ is the larger solution of ‖g_x‖ = radius.
    """
    faces = subsets(gram.shape[1], gram.device)[1:]
    right = torch.stack([faces.to(gram.dtype).expand(len(gram), -1, -1), to_mean[:, None] * faces], dim=3)
    solution: Tensor = torch.linalg.solve_ex(cut_out(gram, faces), right)[0]
    p, q = solution[:, :, :, 0], solution[:, :, :, 1]
    # gram·p = 1 on the face: ‖g_p‖² = Σp and ⟨g_p, g_q⟩ = Σq.
    square, half = p.sum(dim=2), q.sum(dim=2)
    rest = torch.linalg.vecdot(q, to_mean[:, None]) - radius.square()[:, None]
    level: Tensor = (half + (half.square() - square * rest).clamp(min=0).sqrt()) / square
    return level[:, :, None] * p - q
