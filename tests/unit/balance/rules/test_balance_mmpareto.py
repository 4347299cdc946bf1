"""MMPareto: weights of two gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vatt_harmony.balance.rules.mmpareto import MMPareto, pareto_weights

vectors = st.lists(st.floats(-3, 3).filter(lambda x: x == 0 or abs(x) > 1e-3), min_size=3, max_size=3)


@given(vectors, vectors)
def test_the_combination_conflicts_with_neither_gradient(one: list[float], other: list[float]) -> None:
    fused, unimodal = torch.tensor(one).double(), torch.tensor(other).double()
    weights = pareto_weights(fused, unimodal)
    assert bool((weights >= 0).all()) and float(weights.sum()) == pytest.approx(1)
    combined = weights[0] * fused + weights[1] * unimodal
    assert float(combined @ fused) >= -1e-9 and float(combined @ unimodal) >= -1e-9


def test_gradients_that_agree_keep_the_plain_sum_but_for_gamma() -> None:
    gains = MMPareto(gamma=1.5).path_gains([torch.ones(2), torch.ones(3)], [torch.ones(2), torch.ones(3)])
    assert gains.fused == gains.unimodal == 1
    assert gains.tensors.tolist() == [1.5, 1.5]


def test_each_tensor_is_lengthened_on_its_own() -> None:
    gains = MMPareto(gamma=1.0).path_gains(
        [torch.tensor([1.0, 0.0]), torch.tensor([0.0])], [torch.tensor([-1.0, 1.0]), torch.tensor([0.0])]
    )
    assert gains.tensors.tolist() == pytest.approx([1.118, 1], abs=1e-3)


def test_gradients_of_zero_give_finite_gains() -> None:
    gains = MMPareto().path_gains([torch.zeros(2)], [torch.zeros(2)])
    assert gains.fused == 1 and bool(gains.tensors.isfinite().all())
