"""Balancing of contrastive pairs; its numbers are in the golden checks."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vatt_harmony.balance.contrastive import (
    above_chance,
    modality_coefficients,
    pair_coefficients,
    pair_score,
    retrieval_probability,
)


@given(st.floats(0.01, 1), st.floats(0.01, 1))
def test_with_two_pairs_the_modality_of_both_is_never_changed(one: float, other: float) -> None:
    k = modality_coefficients({("video", "audio"): one, ("video", "text"): other})
    assert k["video"] == pytest.approx(1, abs=1e-9)


def test_with_two_modalities_nothing_is_changed_and_with_two_pairs_the_pair_behind_is_sped_up() -> None:
    assert modality_coefficients({("video", "audio"): 0.3}) == {"video": 1, "audio": 1}
    k = pair_coefficients({("video", "audio"): 0.6, ("video", "text"): 0.3})
    assert k["video", "audio"] < 1 < k["video", "text"]


def test_rows_without_a_positive_are_left_out() -> None:
    similarities = torch.tensor([[5.0, 0.0], [3.0, 3.0]]).bfloat16()
    positives = torch.tensor([[False, False], [True, False]])
    assert float(retrieval_probability(similarities, positives)) == pytest.approx(0.5)
    assert retrieval_probability(similarities, torch.zeros_like(positives)).isnan()


def test_chance_is_zero_and_certainty_one() -> None:
    assert above_chance(0.125, 0.125) == 0 and above_chance(1.0, 0.125) == 1
    assert pair_score(0.2, 0.6) == pytest.approx(0.4)
