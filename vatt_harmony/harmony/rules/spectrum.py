"""Eigenvalues of many small symmetric matrices."""

import torch
from torch import Tensor

_SWEEPS = 7
"""Convergence is quadratic: up to 6 losses, 6 sweeps reach the last digit of float64."""


def eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues `[B, M]`, in no order, and eigenvectors `[B, M, M]` (columns) of symmetric matrices `[B, M, M]`.

    Cyclic Jacobi rotations: unlike `torch.linalg.eigh` it never waits for the device, and it is exact to rounding for
    these sizes. Source: Golub & Van Loan, Matrix Computations, section 8.5.
    """
    losses = matrix.shape[1]
    identity = torch.eye(losses, dtype=matrix.dtype, device=matrix.device)
    vectors = identity.expand_as(matrix)
    for _ in range(_SWEEPS):
        for p in range(losses):
            for q in range(p + 1, losses):
                rotation = _rotation(matrix, p, q)
                matrix = rotation.mT @ matrix @ rotation
                vectors = vectors @ rotation
    return matrix.diagonal(dim1=1, dim2=2), vectors


def equal_projection(cosine: Tensor) -> Tensor:
    """Coefficients x `[B, M]` of the unit gradients whose sum has the same inner product with each: cosine⁺·1.

    cosine `[B, M, M]`. Up to a factor for two losses, whose bisector is known.
    """
    if cosine.shape[1] == 2:
        return torch.ones_like(cosine[:, 0])
    values, vectors = eigh(cosine)
    smallest = values.amax(dim=1, keepdim=True) * cosine.shape[1] * torch.finfo(cosine.dtype).eps
    inverse = torch.where(values > smallest, 1 / values, 0.0)
    return torch.einsum("bmk,bk,bnk->bm", vectors, inverse, vectors)


def _rotation(matrix: Tensor, p: int, q: int) -> Tensor:
    """Rotation in the plane (p, q) that makes the entry (p, q) vanish, `[B, M, M]`."""
    off = matrix[:, p, q]
    tau = (matrix[:, q, q] - matrix[:, p, p]) / (2 * off)
    tangent = torch.where(tau < 0, -1.0, 1.0) / (tau.abs() + (1 + tau.square()).sqrt())
    tangent = torch.where(off == 0, 0.0, tangent)
    cosine = (1 + tangent.square()).rsqrt()
    rotation = torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device).repeat(len(matrix), 1, 1)
    rotation[:, p, p] = rotation[:, q, q] = cosine
    rotation[:, p, q] = cosine * tangent
    rotation[:, q, p] = -cosine * tangent
    return rotation
