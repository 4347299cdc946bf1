import pytest
import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.harmony.rules import NORMALISED, RULES, RuleOptions, gradvac_target
from vatt_harmony.harmony.rules.options import DEFAULTS

TWO = torch.tensor([[[4.0, -1.0], [-1.0, 1.0]]], dtype=torch.float64)
THREE = torch.tensor([[[4.0, -1.0, 1.0], [-1.0, 1.0, -0.5], [1.0, -0.5, 2.0]]], dtype=torch.float64)
ENUMERATING = ("pcgrad", "pcgrad_one_sided", "gradvac", "mgda", "cagrad", "upgrad", "nash")


def every(gram: Tensor) -> Tensor:
    return torch.ones(gram.shape[:2], dtype=torch.bool)


@pytest.mark.parametrize(
    ("rule", "weights"),
    [
        ("sum", [1, 1]),
        ("pcgrad", [1.25, 2]),
        ("pcgrad_one_sided", [1, 2]),
        ("upgrad", [0.625, 1]),
        ("mgda", [2 / 7, 5 / 7]),
        ("imtl_g", [1 / 3, 2 / 3]),
        ("nash", [0.707107, 1.414214]),
        ("config", [0.75, 1.5]),
        ("aligned", [0.309209, 0.557767]),
    ],
)
def test_two_conflicting_losses(rule: str, weights: list[float]) -> None:
    assert RULES[rule](TWO, every(TWO))[0].tolist() == pytest.approx(weights, abs=5e-7)


def test_gradvac_lifts_the_cosine_to_its_target() -> None:
    options = RuleOptions(target=torch.full((2, 2), 0.2, dtype=torch.float64))
    assert RULES["gradvac"](TWO, every(TWO), options)[0].tolist() == pytest.approx([1.338388, 2.353553], abs=5e-7)
    above = torch.tensor([[[4.0, 0.41], [0.41, 1.0]]], dtype=torch.float64)
    assert RULES["gradvac"](above, every(above), options).tolist() == [[1, 1]]


def test_cagrad_stays_near_the_mean_and_helps_the_worst_off_loss() -> None:
    # g₁ = (2, 0), g₂ = (−½, √¾): the second one is always worse off, so all of the radius goes along g₂.
    assert RULES["cagrad"](TWO, every(TWO))[0].tolist() == pytest.approx([0.5, 0.5 + 0.5 * 0.75**0.5])
    assert RULES["cagrad"](TWO, every(TWO), RuleOptions(conflict_aversion=0.0))[0].tolist() == [0.5, 0.5]


def test_three_losses() -> None:
    assert RULES["pcgrad"](THREE, every(THREE))[0].tolist() == pytest.approx([1.21875, 2.5, 1.1875], abs=1e-15)
    # g₁ meets g₂ (−1) and then g₃ (1 − ½), or g₃ (1) and then g₂ (−1): both times only g₂ is added.
    assert RULES["pcgrad_one_sided"](THREE, every(THREE))[0].tolist() == [1, 2, 1]


@pytest.mark.parametrize("rule", RULES)
def test_two_losses_of_three_are_the_two_loss_problem(rule: str) -> None:
    options = RuleOptions(target=torch.full((3, 3), 0.3, dtype=torch.float64))
    for active in ([True, True, False], [False, True, True], [True, False, True]):
        mask = torch.tensor([active])
        gram = THREE.clone()
        gram[0, ~mask[0]] = float("nan")
        gram[0, :, ~mask[0]] = float("inf")
        small = THREE[:, mask[0]][:, :, mask[0]]
        expected = torch.ones(1, 3, dtype=torch.float64)
        if rule != "pcgrad_one_sided" or active[0]:
            pair = RuleOptions(target=torch.full((2, 2), 0.3, dtype=torch.float64))
            expected[mask] = RULES[rule](small, every(small), pair)[0]
        torch.testing.assert_close(RULES[rule](gram, mask, options), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("losses", [2, 3])
@pytest.mark.parametrize("rule", RULES)
def test_a_loss_that_is_alone_or_missing_has_weight_1(rule: str, losses: int) -> None:
    active = torch.eye(losses + 1, losses, dtype=torch.bool)
    gram = torch.full((losses + 1, losses, losses), float("nan"))
    gram.diagonal(dim1=1, dim2=2)[active] = 7.0
    assert RULES[rule](gram, active).eq(1).all()


@pytest.mark.parametrize("losses", [2, 3])
@pytest.mark.parametrize("rule", RULES)
def test_parallel_opposite_and_extreme_gradients_give_finite_weights(rule: str, losses: int) -> None:
    generator = torch.Generator().manual_seed(2)
    lengths = 10 ** (6 * torch.rand(200, losses, 1, generator=generator) - 3)
    lines = torch.randint(0, 2, (200, losses, 1), generator=generator) * 2.0 - 1
    planes = torch.randn(200, losses, losses - 1, generator=generator)
    for gradients in (lines * lengths, planes * lengths):
        gram = gradients @ gradients.mT
        assert RULES[rule](gram, every(gram)).isfinite().all()


@pytest.mark.parametrize("losses", [2, 3])
@pytest.mark.parametrize("rule", RULES)
def test_rules_never_wait_for_the_device_and_keep_the_type(rule: str, losses: int) -> None:
    for dtype in (torch.float32, torch.float64):
        # Meta tensors have no values: a rule that asked for one would fail.
        gram = torch.empty(5, losses, losses, dtype=dtype, device="meta")
        weights = RULES[rule](gram, torch.empty(5, losses, dtype=torch.bool, device="meta"))
        assert (weights.shape, weights.dtype, weights.device.type) == ((5, losses), dtype, "meta")


def test_an_equal_orthogonal_pair_adds_up_like_the_sum() -> None:
    gram = 9 * torch.eye(2, dtype=torch.float64)[None]
    for rule in NORMALISED - {"cagrad"}:
        torch.testing.assert_close(2 * RULES[rule](gram, every(gram)), torch.ones(1, 2, dtype=torch.float64))
    torch.testing.assert_close(2 * RULES["cagrad"](gram, every(gram)), torch.full((1, 2), 1.5, dtype=torch.float64))


def test_pcgrad_strengthens_the_smaller_gradient_without_limit() -> None:
    gram = torch.tensor([[[1.0, -50.0], [-50.0, 10000.0]]])
    assert RULES["pcgrad"](gram, every(gram))[0].tolist() == pytest.approx([51.0, 1.005])


def test_aligned_can_turn_a_gradient_round() -> None:
    gram = torch.tensor([[[100.0, 9.5], [9.5, 1.0]]], dtype=torch.float64)
    assert RULES["aligned"](gram, every(gram))[0, 0].item() == pytest.approx(-0.026, abs=5e-4)


def test_nash_is_bounded_where_gradients_are_opposite() -> None:
    opposite = torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]], dtype=torch.float64)
    assert RULES["nash"](opposite, every(opposite))[0].tolist() == pytest.approx([1e-3**-0.5] * 2)
    star = torch.full((1, 3, 3), -0.5, dtype=torch.float64) + 1.5 * torch.eye(3, dtype=torch.float64)
    assert RULES["nash"](star, every(star))[0].tolist() == pytest.approx([1e-3**-0.5] * 3)
    # Below the floor, but above 0: the same for two losses and for two of three.
    nearly = torch.eye(3, dtype=torch.float64)[None].clone()
    nearly[0, 0, 1] = nearly[0, 1, 0] = -0.9995
    expected = RULES["nash"](nearly[:, :2, :2], every(TWO))
    torch.testing.assert_close(RULES["nash"](nearly, torch.tensor([[True, True, False]]))[:, :2], expected)


def test_the_target_of_gradvac_follows_the_mean_cosine_of_the_pairs_that_are_there() -> None:
    gram = torch.cat([TWO, 4 * TWO.abs(), TWO])
    gram[2, 0, 0] = float("nan")
    active = torch.tensor([[True, True], [True, True], [False, True]])
    previous = torch.tensor([[0.0, 0.4], [0.4, 0.0]])
    target = gradvac_target(gram, active, previous, beta=0.25)
    torch.testing.assert_close(target, torch.tensor([[0.0, 0.3], [0.3, 0.0]]))
    assert torch.equal(gradvac_target(gram, torch.zeros_like(active), previous, 0.25), previous)


@pytest.mark.parametrize("rule", ENUMERATING)
def test_more_than_six_losses_are_refused_by_rules_that_try_all_subsets(rule: str) -> None:
    gram = torch.eye(7)[None]
    with pytest.raises(UserError, match="at most 6 losses, got 7"):
        RULES[rule](gram, every(gram))


@pytest.mark.parametrize("rule", sorted(set(RULES) - set(ENUMERATING)))
def test_other_rules_take_any_number_of_losses(rule: str) -> None:
    gram = torch.eye(9, dtype=torch.float64)[None]
    weights = RULES[rule](gram, every(gram), DEFAULTS)
    torch.testing.assert_close(weights, torch.full_like(weights, 1 / 9 if rule in NORMALISED else 1))
