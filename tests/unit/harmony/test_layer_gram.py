"""Per-layer Grams equal those of explicit per-sample gradients, whichever way is chosen."""

import pytest
import torch
from torch import Tensor, nn

from vatt_harmony.harmony import layer_gram as module
from vatt_harmony.harmony.layer_gram import layer_gram

LAYERS = {
    "linear": lambda: nn.Linear(6, 4),
    "without bias": lambda: nn.Linear(6, 4, bias=False),
    "norm": lambda: nn.LayerNorm(6, eps=1e-3),
}


def data(outputs: int, tokens: tuple[int, ...], samples: int = 3) -> tuple[list[Tensor], list[Tensor]]:
    g = torch.Generator().manual_seed(0)
    inputs = [torch.randn(samples, t, 6, generator=g, dtype=torch.float64) for t in tokens]
    return inputs, [torch.randn(samples, t, outputs, generator=g, dtype=torch.float64) for t in tokens]


def explicit(layer: nn.Module, inputs: list[Tensor], gradients: list[Tensor]) -> Tensor:
    rows = []
    for sample in range(len(inputs[0])):
        for a, b in zip(inputs, gradients, strict=True):
            found = torch.autograd.grad(layer(a[sample]), list(layer.parameters()), b[sample])
            rows.append(torch.cat([f.flatten() for f in found]))
    stacked = torch.stack(rows).view(len(inputs[0]), len(inputs), -1)
    return stacked @ stacked.mT


# One token makes products of tokens cheaper, twenty the gradients themselves.
@pytest.mark.parametrize("tokens", [(1, 1), (20, 20, 20), (0, 2, 9)])
@pytest.mark.parametrize("kind", list(LAYERS))
def test_layer_gram_is_that_of_explicit_gradients(kind: str, tokens: tuple[int, ...]) -> None:
    layer = LAYERS[kind]().double()
    inputs, gradients = data(6 if kind == "norm" else 4, tokens)
    torch.testing.assert_close(layer_gram(layer, inputs, gradients), explicit(layer, inputs, gradients))


@pytest.mark.parametrize(("tokens", "way"), [(1, "_by_tokens"), (20, "_by_gradients")])
def test_the_cheaper_way_is_taken(tokens: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    chosen = getattr(module, way)
    monkeypatch.setattr(module, way, lambda a, b: used.append(len(a[0])) or chosen(a, b))
    module.linear_gram(*data(4, (tokens, tokens)))
    assert used == [3]


@pytest.mark.parametrize("tokens", [1, 20])
def test_chunks_of_samples_change_nothing(tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, gradients = data(4, (tokens, tokens), samples=5)
    whole = module.linear_gram(inputs, gradients)
    monkeypatch.setattr(module, "GRADIENT_NUMBERS", 1)
    torch.testing.assert_close(module.linear_gram(inputs, gradients), whole)


def test_low_precision_is_widened() -> None:
    layer = nn.Linear(6, 4).bfloat16()
    inputs, gradients = ([value.bfloat16() for value in values] for values in data(4, (3, 3)))
    wanted = explicit(layer.double(), [a.double() for a in inputs], [b.double() for b in gradients])
    gram = layer_gram(layer.bfloat16(), inputs, gradients)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram.double(), wanted, rtol=1e-5, atol=1e-5)


def test_other_layers_are_refused() -> None:
    with pytest.raises(TypeError, match="Conv1d"):
        layer_gram(nn.Conv1d(6, 4, 1), *data(4, (1,)))
