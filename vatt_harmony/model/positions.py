"""Separable position embeddings: one table an axis, summed, normalised once, resampled for other grids."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .init import table

Kernel = NDArray[np.float64]


class AxisPositions(nn.Module):
    """e[i, j, k] = LayerNorm(e_T[i] + e_V[j] + e_H[k]) (paper, Eq. 1; the LayerNorm is the code's)."""

    def __init__(self, rows: Sequence[int], width: int, interpolation: str, transposed: bool = False) -> None:
        super().__init__()
        # Registered here, not in a ParameterList: ZeRO-3 gathers the parameters of the module whose forward runs.
        for axis, count in enumerate(rows):
            self.register_parameter(f"axis{axis}", table(count, width))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.interpolation = interpolation
        self.transposed = transposed

    def forward(self, grid: Sequence[int]) -> Tensor:
        """Embeddings `[prod(grid), D]` of a token grid, row-major."""
        total: Tensor | None = None
        for axis, count in enumerate(grid):
            rows = resample(self.get_parameter(f"axis{axis}"), count, self.interpolation)
            part = rows.view(*(count if other == axis else 1 for other in range(len(grid))), -1)
            total = part if total is None else total + part
        assert total is not None
        if self.transposed:
            # The official spectrogram tower numbers (mel, time) while its tokens run (time, mel).
            total = total.transpose(0, 1)
        embeddings: Tensor = self.norm(total.flatten(0, -2))
        return embeddings


def resample(rows: Tensor, count: int, kind: str) -> Tensor:
    """Position table `[n, D]` on i/n evaluated at j/m, j < m = `count`; differentiable; n = m returns `rows`."""
    if len(rows) == count:
        return rows
    kernels = {"natural_cubic": natural_cubic_kernel, "bicubic": bicubic_kernel}
    return torch.as_tensor(kernels[kind](len(rows), count), dtype=rows.dtype, device=rows.device) @ rows


@lru_cache(maxsize=64)
def natural_cubic_kernel(n: int, m: int) -> Kernel:
    """Matrix `[m, n]` of the natural cubic spline through i/n, linear outside the knots.

    Equals the official order-3 polyharmonic spline with linear term in one dimension.
    """
    if n == 1:
        return np.ones((m, 1))
    eye = np.eye(n)
    second = np.zeros((n, n))  # second derivatives at the knots (spacing 1), zero at both ends
    if n > 2:
        band = 4 * np.eye(n - 2) + np.eye(n - 2, k=1) + np.eye(n - 2, k=-1)
        second[1:-1] = np.linalg.solve(band, 6 * (eye[:-2] - 2 * eye[1:-1] + eye[2:]))
    x = np.arange(m) * n / m
    left = np.minimum(x.astype(int), n - 2)
    right = left + 1
    inside = np.minimum(x, n - 1)
    b = (inside - left)[:, None]
    a = 1 - b
    value = a * eye[left] + b * eye[right] + ((a**3 - a) * second[left] + (b**3 - b) * second[right]) / 6
    slope_at_end = eye[-1] - eye[-2] + second[-2] / 6
    kernel: Kernel = value + (x - inside)[:, None] * slope_at_end
    return kernel


@lru_cache(maxsize=64)
def bicubic_kernel(n: int, m: int) -> Kernel:
    """Matrix `[m, n]` of cubic convolution (half-pixel centres, edges repeated), as image resizing does it."""
    unit = torch.eye(n, dtype=torch.float64, device="cpu")[None, :, :, None]
    resized = nn.functional.interpolate(unit, size=(m, 1), mode="bicubic", align_corners=False)
    return np.asarray(resized[0, :, :, 0].T.contiguous().numpy())
