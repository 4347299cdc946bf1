"""Scores: pure functions of outputs."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.balance_evidence import random_step

from vatt_harmony.balance.fusion import slices
from vatt_harmony.balance.ratios import ahead, behind
from vatt_harmony.balance.rules import MMCosine
from vatt_harmony.balance.scores import jensen_shannon, shapley, slice_logits, subsets, true_class_probability
from vatt_harmony.errors import UserError


def test_the_probability_is_in_fp32_whatever_the_logits_are() -> None:
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 1, 2, 3, 0, 1])
    exact = logits.softmax(-1)[torch.arange(6), targets]
    half = true_class_probability(logits.bfloat16(), targets)
    assert half.dtype == torch.float32 and torch.allclose(half, exact, atol=1e-2)
    assert torch.equal(true_class_probability(logits, targets), exact)


def test_divergence_is_symmetric_zero_of_equals_and_finite_at_certainty() -> None:
    one, other = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(jensen_shannon(one, other), jensen_shannon(other, one))
    assert torch.allclose(jensen_shannon(one, one), torch.zeros(5), atol=1e-7)
    certain = torch.tensor([[1e4, 0.0]])
    assert float(jensen_shannon(certain, certain.flip(-1))) == pytest.approx(math.log(2))


def test_slices_add_up_to_the_fused_output() -> None:
    fusion = random_step(modalities=3).fusion
    assert fusion is not None
    bias = torch.tensor([1.0, 2.0, 3.0]).double()
    parts = slice_logits(fusion.features, fusion.weight, bias)
    whole = torch.cat(list(fusion.features.values()), 1) @ fusion.weight.T + bias
    assert torch.allclose(torch.stack(list(parts.values())).sum(0), whole)


def test_weights_that_zero_stage_3_takes_away_are_told() -> None:
    fusion = random_step().fusion
    assert fusion is not None
    fusion.weight.ds_id = 0  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="stage 3"):
        slices(fusion)
    with pytest.raises(UserError, match="stage 3"):
        MMCosine().fused_logits(torch.zeros(0), fusion)


@settings(max_examples=25)
@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8))
def test_shapley_values_add_up_and_a_player_that_adds_nothing_gets_nothing(numbers: list[float]) -> None:
    players = ("a", "v", "t")
    value = dict(zip(subsets(players), numbers, strict=True))
    phi = shapley(value, players)
    assert sum(phi.values()) == pytest.approx(value[frozenset(players)] - value[frozenset()], abs=1e-9)
    idle = {subset: value[subset - {"t"}] for subset in value}
    assert shapley(idle, players)["t"] == pytest.approx(0)


def test_ratios_are_inverse_and_bounded() -> None:
    here = torch.ones(2, dtype=torch.bool)
    scores = torch.tensor([0.9, 1e-9])
    assert behind(scores, here).tolist() == pytest.approx([0.05, 20])
    assert ahead(scores, here).tolist() == pytest.approx([20, 0.05])
    assert behind(scores, torch.tensor([True, False])).tolist() == [1, 1]
