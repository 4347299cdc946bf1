"""T5 buckets and bias, padding masks (vatt.md 7.5 (6), 7.7)."""

from typing import Any

import pytest
import torch
from support.small_model import small_model

from vatt_harmony.model.t5 import RelativeBias, relative_bucket

KINDS = pytest.mark.parametrize("kind", ["agnostic", "specific"])


def test_buckets() -> None:
    distance = torch.arange(17)
    expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10]
    assert relative_bucket(-distance).tolist() == expected
    assert relative_bucket(distance).tolist() == [0] + [16 + bucket for bucket in expected[1:]]
    assert relative_bucket(torch.tensor([-64, -1000, 64, 1000])).tolist() == [15, 15, 31, 31]


def test_bias_is_key_minus_query() -> None:
    bias = RelativeBias(heads=3)
    matrix = bias(6)
    assert matrix.shape == (1, 3, 6, 6)
    assert torch.equal(matrix[0, :, 1, 4], bias.table[16 + 3]) and torch.equal(matrix[0, :, 4, 1], bias.table[3])


def test_bias_is_added_in_every_layer() -> None:
    model = small_model(kind="specific")
    seen: list[Any] = []
    for block in model.encoders["text"].encoder.blocks:
        block.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[1]))
    model(text=torch.randint(1, 40, (2, 5)))
    assert len(seen) == 2 and seen[0] is seen[1]
    assert torch.equal(seen[0][0], model.encoders["text"].relative(6)[0])


@KINDS
def test_padded_equals_short(kind: Any) -> None:
    model = small_model(kind=kind).eval()
    words = torch.randint(1, 40, (2, 5))
    padded = torch.nn.functional.pad(words, (0, 11))
    torch.testing.assert_close(model(text=words), model(text=padded), rtol=1e-10, atol=1e-10)


@KINDS
def test_padding_row_never_matters(kind: Any) -> None:
    model = small_model(kind=kind).eval()
    text = torch.tensor([[3, 5, 0, 0]])
    before = model(text=text)["text"]
    with torch.no_grad():
        model.tokens["text"].table.weight[0] += 100
    torch.testing.assert_close(model(text=text)["text"], before, rtol=1e-10, atol=1e-10)


@KINDS
def test_empty_sentences_are_finite_and_equal(kind: Any) -> None:
    model = small_model(kind=kind)
    z = model(text=torch.zeros(3, 7, dtype=torch.int64))["text"]
    assert z.isfinite().all() and torch.equal(z[0], z[1])
    z.sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_too_many_words() -> None:
    with pytest.raises(ValueError, match="17 words"):
        small_model()(text=torch.ones(1, 17, dtype=torch.int64))


@KINDS
def test_frozen_table(kind: Any) -> None:
    table = small_model(kind=kind, text_table="frozen").tokens["text"].table
    assert not table.weight.requires_grad
