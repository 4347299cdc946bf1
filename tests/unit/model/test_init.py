"""Initial values: Glorot kernels by the fans of one map, zero biases, tables of std width^-0.5."""

import math

import pytest
import torch
from support.small_model import media, small_model

from vatt_harmony.model.encoder import Attention
from vatt_harmony.model.init import Dense, StackedDense, table, vector


def test_kernels_are_glorot_uniform_and_biases_zero() -> None:
    single, stacked = Dense(40, 60), StackedDense(40, 60, copies=2)
    bound = math.sqrt(6 / 100)
    for layer in (single, stacked):
        assert layer.weight.abs().max() <= bound
        assert float(layer.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)
        assert torch.equal(layer.bias, torch.zeros_like(layer.bias))


def test_tables_and_vectors() -> None:
    rows = table(500, 64)
    assert float(rows.detach().std()) == pytest.approx(64**-0.5, rel=0.15) and rows.abs().max() <= 2 * 64**-0.5
    assert vector(64).shape == (64,) and vector(64).requires_grad


def test_unscaled_scores_start_as_scaled_ones() -> None:
    scaled, unscaled = Attention(64, 4, False, None, 0.0), Attention(64, 4, False, 1.0, 0.0)
    ratio = float((scaled.q.weight.std() / unscaled.q.weight.std()).detach())
    assert ratio == pytest.approx(4, rel=0.1)


def test_pixels_reach_the_model_in_minus_one_to_one() -> None:
    front, video = small_model().tokens["video"], media()["video"]
    torch.testing.assert_close(front.scale(video), video.double() / 127.5 - 1, rtol=0, atol=1e-12)
    assert front.scale(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1, 1]
    low = small_model(torch.bfloat16).tokens["video"].scale(video)
    assert (low.double() - (video.double() / 127.5 - 1)).abs().max() < 2**-8


def test_float_video_is_taken_as_it_is() -> None:
    model, inputs = small_model().eval(), media()
    as_float = inputs["video"].double() / 127.5 - 1
    torch.testing.assert_close(model(video=as_float), model(video=inputs["video"]))
