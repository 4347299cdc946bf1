"""MLB: coefficients of scores."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.balance_evidence import evidence

from vatt_harmony.balance.rules.mlb import MLB, tanh
from vatt_harmony.errors import UserError

scores = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=3)


def test_of_three_the_one_behind_is_sped_up_and_the_one_ahead_slowed() -> None:
    assert MLB().coefficients(evidence([0.2, 0.4, 0.6])).tolist() == pytest.approx([1.995, 1, 0.238], abs=5e-4)


def test_of_errors_the_larger_is_behind() -> None:
    k = MLB().coefficients(evidence([0.2, 0.4, 0.6], lower_is_better=True))
    assert k[0] < 1 < k[2] and float(k[1]) == pytest.approx(1)


@given(scores, st.floats(0.1, 5), st.floats(1, 20))
def test_it_stays_within_its_bounds_and_permutes_with_the_modalities(
    values: list[float], alpha: float, beta_max: float
) -> None:
    rule = MLB(alpha=alpha, beta_max=beta_max)
    k = rule.coefficients(evidence(values))
    assert bool((k >= 1 - torch.tanh(torch.tensor(alpha)) - 1e-6).all() and (k <= beta_max + 1e-9).all())
    assert torch.allclose(rule.coefficients(evidence(values[::-1])).flip(0), k)


@given(st.floats(0.05, 20))
def test_alpha_0_is_multi_loss_training(ratio: float) -> None:
    assert tanh(torch.tensor([ratio]), 0.0, 10.0).item() == 1


def test_a_missing_modality_gets_1_and_leaves_the_ratios_to_the_others() -> None:
    k = MLB().coefficients(evidence([0.2, 0.4, 0.6], present=[True, False, True]))
    assert k[1] == 1
    assert k[[0, 2]].tolist() == pytest.approx(MLB().coefficients(evidence([0.2, 0.6])).tolist())


def test_fewer_than_two_modalities_get_1() -> None:
    for variant in ("tanh", "linear", "all_linear", "softmax", "ogm"):
        k = MLB(variant=variant).coefficients(evidence([0.2, 0.4], present=[True, False]))
        assert k.tolist() == [1, 1], variant


def test_only_the_two_slips_of_the_release_speed_up_the_leader_or_slow_who_is_behind() -> None:
    ahead = {
        v: MLB(variant=v).coefficients(evidence([0.8, 0.2])).tolist() for v in ("tanh", "linear", "softmax", "ogm")
    }
    assert ahead["tanh"][0] < 1 < ahead["tanh"][1] and ahead["linear"][0] < 1 < ahead["linear"][1]
    assert ahead["softmax"][0] > ahead["softmax"][1] and ahead["ogm"][1] < 1


def test_a_score_that_is_not_finite_shows_in_the_coefficients() -> None:
    assert not MLB().coefficients(evidence([float("nan"), 0.4])).isfinite().all()


def test_wrong_options_are_told() -> None:
    with pytest.raises(UserError, match=r"beta_max 0\.5"):
        MLB(beta_max=0.5)
    with pytest.raises(UserError, match="variant 'tahn'"):
        MLB(variant="tahn")  # type: ignore[arg-type]


def test_it_asks_for_what_its_scores_take() -> None:
    assert MLB(scores="slices").needs_slices and MLB(scores="shapley").needs_removal
    assert not MLB().needs_slices and not MLB().needs_removal
    assert MLB(stopgrad=True).unimodal_gain == 0
