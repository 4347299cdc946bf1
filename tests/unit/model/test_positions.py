"""vatt.md 7.6, and the LayerNorm over the sum of the axis tables."""

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline
from torch.nn.functional import layer_norm

from vatt_harmony.model.positions import AxisPositions, bicubic_kernel, resample

F64 = torch.float64


@pytest.mark.parametrize("kind", ["natural_cubic", "bicubic"])
def test_same_size_is_identity(kind: str) -> None:
    rows = torch.rand(14, 3)
    assert resample(rows, 14, kind) is rows
    np.testing.assert_allclose(bicubic_kernel(14, 14), np.eye(14), atol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(14, 20), (8, 32), (20, 14), (2, 5), (3, 7)])
def test_linear_tables_stay_linear_also_outside(n: int, m: int) -> None:
    rows = torch.arange(n, dtype=F64)[:, None] / n * torch.tensor([1.0, -3.0], dtype=F64) + 2
    expected = torch.arange(m, dtype=F64)[:, None] / m * torch.tensor([1.0, -3.0], dtype=F64) + 2
    torch.testing.assert_close(resample(rows, m, "natural_cubic"), expected)


@pytest.mark.parametrize(("n", "m"), [(14, 20), (14, 24), (1200, 700), (8, 9)])
def test_equals_scipys_natural_spline(n: int, m: int) -> None:
    rows = np.random.default_rng(0).normal(size=(n, 4))
    spline = CubicSpline(np.arange(n) / n, rows, bc_type="natural")
    at, last = np.arange(m) / m, (n - 1) / n
    expected = spline(np.minimum(at, last)) + np.maximum(at - last, 0)[:, None] * spline(last, 1)
    np.testing.assert_allclose(resample(torch.tensor(rows), m, "natural_cubic"), expected, atol=1e-10)


def test_fixture() -> None:
    squares = (torch.arange(14, dtype=F64) ** 2)[:, None]
    got = resample(squares, 20, "natural_cubic")[[0, 1, 5, 10, 15, 18, 19], 0]
    expected = torch.tensor([0, 0.549114, 12.248239, 49.0, 110.256570, 158.857990, 176.626795], dtype=F64)
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=0)


def test_one_row_is_repeated() -> None:
    assert torch.equal(resample(torch.ones(1, 2), 3, "natural_cubic"), torch.ones(3, 2))


def test_differentiable() -> None:
    rows = torch.rand(5, 2, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: resample(r, 7, "natural_cubic"), rows)


def test_sum_then_norm_on_a_larger_grid() -> None:
    positions = AxisPositions((8, 14, 14), 6, "natural_cubic").double()
    embeddings = positions((8, 20, 20))
    assert embeddings.shape == (3200, 6)
    t, h, w = (positions.get_parameter(f"axis{axis}") for axis in range(3))
    h, w = resample(h, 20, "natural_cubic"), resample(w, 20, "natural_cubic")
    torch.testing.assert_close(embeddings[3 * 400 + 7 * 20 + 11], layer_norm(t[3] + h[7] + w[11], (6,), eps=1e-6))


def test_transposed_order_repeats_the_official_ids() -> None:
    positions = AxisPositions((2, 3), 4, "natural_cubic")
    straight = positions((2, 3)).view(2, 3, 4)
    positions.transposed = True
    assert torch.equal(positions((2, 3)), straight.transpose(0, 1).reshape(6, 4))
