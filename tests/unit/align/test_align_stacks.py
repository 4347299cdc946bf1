import pytest
import torch

from vatt_harmony.align.stacks import Stack, feature


@pytest.mark.parametrize("layer_norm", [False, True])
def test_step_after_step_is_the_whole_sequence(layer_norm):
    torch.manual_seed(0)
    stack = Stack(5, 4, 3, layer_norm=layer_norm)
    x = torch.randn(2, 7, 5)
    whole, state = stack(x), stack.start(2)
    for place in range(7):
        state = stack.step(x[:, place] @ stack.input_weight.T, state)
        torch.testing.assert_close(state[:, :, 0], torch.stack([layer[:, place] for layer in whole], dim=1))
    torch.testing.assert_close(feature(state), sum(layer[:, -1] for layer in whole))


def test_a_stack_of_nothing():
    assert [tuple(layer.shape) for layer in Stack(5, 4, 2, layer_norm=False)(torch.zeros(3, 0, 5))] == [(3, 0, 4)] * 2


def test_every_layer_has_two_biases_of_its_own():
    names = [name for name, _ in Stack(5, 4, 2, layer_norm=False).named_parameters()]
    assert sum("bias" in name for name in names) == 4 and len(names) == 8
