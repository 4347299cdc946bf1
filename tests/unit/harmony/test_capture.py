"""What a layer is given, pooled as the model pools."""

import torch
from torch import nn

from vatt_harmony.harmony import capture_input


def test_inputs_come_in_the_order_of_the_calls_and_only_inside_the_block() -> None:
    layer = nn.Linear(3, 2)
    tokens, other = torch.randn(4, 5, 3), torch.randn(4, 3, requires_grad=True)
    with capture_input(layer) as first, capture_input(layer, "mean") as mean:
        layer(tokens)
        layer(input=other)
    layer(tokens)
    assert torch.equal(first[0], tokens[:, 0]) and first[1] is other
    assert torch.equal(mean[0], tokens.mean(dim=1)) and len(first) == len(mean) == 2


def test_own_pooling() -> None:
    layer, tokens = nn.Linear(3, 2), torch.randn(4, 5, 3)
    with capture_input(layer, lambda given: given[:, -1]) as last:
        layer(tokens)
    assert torch.equal(last[0], tokens[:, -1])
