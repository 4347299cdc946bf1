"""Formulas for loops that are not ours; their numbers are in the golden checks."""

import pytest
import torch

from vatt_harmony.balance.peer_formulas import project, projection_alpha, relearning_weight


def test_the_projection_turns_away_from_the_feature() -> None:
    feature = torch.tensor([3.0, 4.0]).double()
    projection = torch.eye(2).double()
    for _ in range(20):
        projection = project(projection, feature, 1e-3)
    assert float((projection @ feature).norm()) < 1e-2 and float(projection.norm()) == pytest.approx(1)
    assert project(projection, feature, 0.1, "off") is projection


def test_alpha_falls_tenfold_an_epoch() -> None:
    assert [projection_alpha(step, 10) for step in (0, 10, 20)] == pytest.approx([0.1, 0.01, 0.001])


def test_purities_that_agree_reset_nothing() -> None:
    assert relearning_weight(0.6, 0.6) == 0 < relearning_weight(0.6, 0.5) == relearning_weight(0.5, 0.6) < 1
