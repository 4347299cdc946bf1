"""Tiles of any size give what the whole matrix of similarities gives, for all embeddings, masks and modes."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vatt_harmony.objective import Ranks, Retrieval, contrast, similarities, tiled_contrast

EXACT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize("mode", ["asymmetric", "symmetric", "paper"])
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 9),
    candidates=st.integers(1, 4),
    rows=st.integers(1, 12),
    share=st.sampled_from([0.0, 0.4, 0.8, 1.0]),
    kept=st.booleans(),
    temperature=st.sampled_from([0.03, 0.07, 1.0]),
)
@settings(deadline=None, max_examples=60)
def test_tiles_change_nothing(
    mode: str, seed: int, batch: int, candidates: int, rows: int, share: float, kept: bool, temperature: float
) -> None:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    def chosen(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator) < share

    inputs = anchors, others = draw(batch, 3), draw(batch, candidates, 3)
    there, exist = chosen(batch), chosen(batch, candidates)
    valid = there & exist.any(dim=1)
    masks = valid, exist, there if kept else valid
    wanted = contrast(similarities(anchors, others, temperature), *masks, mode)
    found = tiled_contrast(anchors, others, *masks, mode, temperature, rows=rows, ranks=Ranks())
    torch.testing.assert_close(found.losses, wanted.losses.detach(), **EXACT)
    torch.testing.assert_close(found.total, wanted.total, **EXACT)
    for name in (field.name for field in fields(Retrieval)):
        several = valid if name != "other" else valid & (valid.sum() > 1)
        torch.testing.assert_close(
            getattr(found.retrieval, name)[several], getattr(wanted.retrieval, name)[several], **EXACT
        )
    torch.testing.assert_close(
        found.retrieval.recall_at_1(valid), wanted.retrieval.recall_at_1(valid), **EXACT, equal_nan=True
    )
    # A factor on the total, as the pairs' weights and a loss scaler put it there.
    gradients = (torch.autograd.grad(3.0 * result.total, inputs) for result in (found, wanted))
    for gradient, exact in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, exact, rtol=1e-12, atol=1e-11)
