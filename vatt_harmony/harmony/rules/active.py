"""Each sample's active losses, cut out of its Gram matrix."""

import torch
from torch import Tensor


def isolated(gram: Tensor, active: Tensor) -> Tensor:
    """Gram `[B, M, M]` in which every inactive loss has norm 1 and is orthogonal to all others."""
    identity = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    return torch.where(active[:, :, None] & active[:, None, :], gram, identity)


def scaled(gram: Tensor, active: Tensor) -> Tensor:
    """`isolated`, after division by the largest squared norm of the sample's active losses: no entry overflows."""
    squared_norms = gram.diagonal(dim1=1, dim2=2).masked_fill(~active, 0.0)
    return isolated(gram / squared_norms.amax(dim=1)[:, None, None], active)


def cosines(gram: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """Norms `[B, M]` and cosines `[B, M, M]` of the gradients; an inactive loss has norm 1 and cosine 0 to others."""
    gram = isolated(gram, active)
    norms = gram.diagonal(dim1=1, dim2=2).sqrt()
    return norms, gram / (norms[:, :, None] * norms[:, None, :])


def finished(weights: Tensor, active: Tensor) -> Tensor:
    """The weights, 1 for losses that are inactive or alone."""
    return torch.where(active & (active.sum(dim=1, keepdim=True) > 1), weights, torch.ones_like(weights))
