"""What row 03.8 compares is the same computation, on a path like that of a trained aligner."""

import numpy as np
import pytest
import torch

from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.naive import naive
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.scale.bench import align_forcing, align_speed


def test_the_path_follows_the_diagonal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align_speed, "FILM", (10, 4))
    model, film = align_speed.diagonal_aligner(), align_forcing.random_features(1, (10, 4))
    path = align_speed.cached(model, film)
    names = [model.actions.actions[action].name for action in path.actions]
    assert names.count("MRS") >= 8 and names.count("PS") == 4
    assert max(len(run) for run in " ".join(names).split("PS")) <= len(" MRS" * 3) + 1
    np.testing.assert_array_equal(naive(model, [each[0] for each in film]).actions, path.actions)


def test_all_ways_of_teacher_forcing_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align_forcing, "PIECES", 3)
    monkeypatch.setattr(align_forcing, "PIECE", (5, 3))
    model, batch = NeuMatch(NetworkConfig(width=8), align_forcing.WIDTHS).eval(), align_forcing.pieces()
    fast, *others = (way(model, batch) for way in align_forcing.WAYS.values())
    assert fast.shape == (3, 8, 3)
    for other in others:
        torch.testing.assert_close(other, fast, atol=1e-4, rtol=1e-4)
    align_forcing.training_step(model, batch, align_forcing.fast)
    assert model.head.outer.weight.grad is not None
