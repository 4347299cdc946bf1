"""Properties of the rules for any gradients and any subset of active losses."""

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vatt_harmony.harmony.rules import RULES, RuleOptions

SAMPLES, WIDTH = 5, 6
ABSOLUTE = 1e-9
Case = tuple[int, int]
cases = st.tuples(st.integers(2, 3), st.integers(0, 2**32 - 1))


def draw_gradients(losses: int, seed: int) -> tuple[Tensor, Tensor]:
    """Gradients `[B, M, P]` of very different lengths, and which of them exist."""
    generator = torch.Generator().manual_seed(seed)
    gradients = torch.randn(SAMPLES, losses, WIDTH, generator=generator, dtype=torch.float64)
    lengths = 10 ** (4 * torch.rand(SAMPLES, losses, 1, generator=generator, dtype=torch.float64) - 2)
    return gradients * lengths, torch.rand(SAMPLES, losses, generator=generator) < 0.8


def on_vectors(gradients: list[Tensor], target: float, projected: int) -> Tensor:
    """Sum of the gradients, the first `projected` ones corrected on vectors, averaged over all orders; 0 = PCGrad."""
    total = torch.zeros(WIDTH, dtype=torch.float64)
    for place, own in enumerate(gradients):
        others = [g for g in gradients if g is not own]
        orders = list(permutations(others)) if place < projected else [()]
        for order in orders:
            g = own
            for other in order:
                cosine = g @ other / (g.norm() * other.norm())
                if cosine < target:
                    lift = target * (1 - cosine**2).sqrt() / (1 - target**2) ** 0.5 - cosine
                    g = g + g.norm() / other.norm() * lift * other
            total = total + g / len(orders)
    return total


@pytest.mark.parametrize(("rule", "target"), [("pcgrad", 0.0), ("pcgrad_one_sided", 0.0), ("gradvac", 0.3)])
@given(case=cases)
@settings(deadline=None, max_examples=30)
def test_weights_are_the_rule_on_vectors(rule: str, target: float, case: Case) -> None:
    gradients, active = draw_gradients(*case)
    options = RuleOptions(target=torch.full((case[0], case[0]), target, dtype=torch.float64))
    weights = RULES[rule](gradients @ gradients.mT, active, options)
    for i in range(SAMPLES):
        projected = case[0] if rule != "pcgrad_one_sided" else int(active[i, 0])
        expected = on_vectors([g for g, a in zip(gradients[i], active[i], strict=True) if a], target, projected)
        actual = (weights[i] * active[i]) @ gradients[i]
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=ABSOLUTE * float(gradients[i].abs().max()))
    assert (weights >= 1).all() and (weights[~active] == 1).all()


@given(cases, st.floats(-4, 4))
@settings(deadline=None, max_examples=30)
def test_a_common_scale_changes_no_weight_but_nashs(case: Case, exponent: float) -> None:
    gradients, active = draw_gradients(*case)
    gram = gradients @ gradients.mT
    for name, rule in RULES.items():
        expected = rule(gram, active)
        if name == "nash":
            compared = active & (active.sum(dim=1, keepdim=True) > 1)
            expected = torch.where(compared, expected / 10 ** (exponent / 2), expected)
        torch.testing.assert_close(rule(gram * 10**exponent, active), expected, rtol=1e-7, atol=ABSOLUTE)


@given(cases, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_order_of_losses_and_samples_does_not_matter(case: Case, random) -> None:  # type: ignore[no-untyped-def]
    gradients, active = draw_gradients(*case)
    samples = random.sample(range(SAMPLES), SAMPLES)
    losses = random.sample(range(case[0]), case[0])
    gram = gradients @ gradients.mT
    for name, rule in RULES.items():
        order = losses if name != "pcgrad_one_sided" else [0, *(loss for loss in losses if loss > 0)]
        moved = rule(gram[samples][:, order][:, :, order], active[samples][:, order])
        torch.testing.assert_close(moved, rule(gram, active)[samples][:, order], rtol=1e-7, atol=ABSOLUTE)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_two_sided_projection_mirrors_the_conflict(seed: int) -> None:
    gradients, _ = draw_gradients(2, seed)
    gram = gradients @ gradients.mT
    a, b = gram.diagonal(dim1=1, dim2=2).sqrt().unbind(dim=1)
    cosine = gram[:, 0, 1] / (a * b)
    added = RULES["pcgrad"](gram, torch.ones(SAMPLES, 2, dtype=torch.bool)) - 1
    # The weight of one gradient beyond 1 is what the other gradient's projection has of it.
    first = gradients[:, 0] + added[:, 1:] * gradients[:, 1]
    second = gradients[:, 1] + added[:, :1] * gradients[:, 0]
    after = torch.cosine_similarity(first, second, dim=1)
    torch.testing.assert_close(after, torch.where(cosine < 0, -cosine, cosine))
    gain = torch.linalg.vecdot(first + second, gradients[:, 0])
    expected = torch.where(cosine < 0, a.square() * (1 - cosine.square()), a.square() + gram[:, 0, 1])
    torch.testing.assert_close(gain, expected, rtol=1e-9, atol=ABSOLUTE)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_each_rule_has_its_defining_property(seed: int) -> None:
    gradients, _ = draw_gradients(3, seed)
    gram = gradients @ gradients.mT
    norms = gram.diagonal(dim1=1, dim2=2).sqrt()
    weights = {name: rule(gram, torch.ones(SAMPLES, 3, dtype=torch.bool)) for name, rule in RULES.items()}
    gains = {name: torch.einsum("bmn,bn->bm", gram, w) / norms for name, w in weights.items()}

    # Shortest in the hull: no gradient has a smaller inner product with it than itself.
    square = (weights["mgda"] * gains["mgda"] * norms).sum(dim=1, keepdim=True)
    assert (gains["mgda"] * norms >= square - ABSOLUTE * norms.square().amax()).all()
    torch.testing.assert_close(weights["mgda"].sum(dim=1), torch.ones(SAMPLES, dtype=torch.float64))
    # Equal projections; bargained; no gradient opposed.
    for name in ("imtl_g", "config"):
        spread = gains[name].amax(dim=1) - gains[name].amin(dim=1)
        assert (spread <= 1e-7 * (weights[name].abs() * norms).sum(dim=1)).all()
    torch.testing.assert_close(weights["nash"] * gains["nash"] * norms, torch.ones_like(norms))
    assert (gains["upgrad"] >= -ABSOLUTE * norms.amax()).all()


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_the_losses_that_are_active_are_the_whole_problem(seed: int) -> None:
    """Four losses, one of them inactive, its entries not finite, against the other three."""
    gradients, _ = draw_gradients(3, seed)
    small = gradients @ gradients.mT
    gram = torch.full((SAMPLES, 4, 4), float("nan"), dtype=torch.float64)
    places = [0, 1, 3]
    for row, place in enumerate(places):
        gram[:, place, places] = small[:, row]
    active = torch.tensor([[True, True, False, True]]).expand(SAMPLES, 4)
    for rule in RULES.values():
        weights = rule(gram, active)
        torch.testing.assert_close(weights[:, places], rule(small, active[:, places]), rtol=1e-7, atol=ABSOLUTE)
        assert (weights[:, 2] == 1).all()
