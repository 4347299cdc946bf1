import pytest
import torch

from vatt_harmony.harmony.rules import RULES, pcgrad

EVERY = torch.ones(1, 3, dtype=torch.bool)
FIXTURE = torch.tensor([[[4.0, -1.0, 1.0], [-1.0, 1.0, -0.5], [1.0, -0.5, 2.0]]], dtype=torch.float64)


def test_sum_has_weights_one() -> None:
    assert torch.equal(RULES["sum"](FIXTURE, EVERY), torch.ones(1, 3, dtype=torch.float64))


def test_pcgrad_fixtures() -> None:
    assert pcgrad(FIXTURE[:, :2, :2], EVERY[:, :2]).tolist() == [[1.25, 2.0]]
    assert pcgrad(FIXTURE, EVERY)[0].tolist() == pytest.approx([1.21875, 2.5, 1.1875], abs=1e-15)
    assert pcgrad(FIXTURE[:, :2, :2].abs(), EVERY[:, :2]).tolist() == [[1.0, 1.0]]


def test_two_losses_of_three_are_the_two_loss_result() -> None:
    active = torch.tensor([[True, True, False], [False, True, True], [True, False, True], [False, True, False]])
    gram = FIXTURE.repeat(4, 1, 1)
    gram[0, 2] = float("nan")
    weights = pcgrad(gram, active)
    expected = torch.tensor([[1.25, 2, 1], [1, 1.5, 1.25], [1, 1, 1], [1, 1, 1]], dtype=torch.float64)
    torch.testing.assert_close(weights, expected)


def test_the_smaller_gradient_is_strengthened_without_limit() -> None:
    gram = torch.tensor([[[1.0, -50.0], [-50.0, 10000.0]]])
    assert pcgrad(gram, EVERY[:, :2])[0].tolist() == pytest.approx([51.0, 1.005])
