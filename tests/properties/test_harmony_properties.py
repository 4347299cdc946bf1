"""Properties of realignment for any gradients."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vatt_harmony.harmony.rules import RULES, pcgrad
from vatt_harmony.harmony.signals import activation_kernel, last_linear

SAMPLES, WIDTH = 5, 4
cases = st.tuples(st.integers(2, 3), st.integers(0, 2**32 - 1))


def draw_gradients(losses: int, seed: int) -> tuple[Tensor, Tensor]:
    """Gradients `[B, M, P]` of very different lengths, and which of them exist."""
    generator = torch.Generator().manual_seed(seed)
    gradients = torch.randn(SAMPLES, losses, WIDTH, generator=generator, dtype=torch.float64)
    lengths = 10 ** (4 * torch.rand(SAMPLES, losses, 1, generator=generator, dtype=torch.float64) - 2)
    return gradients * lengths, torch.rand(SAMPLES, losses, generator=generator) < 0.8


def vector_pcgrad(gradients: list[Tensor]) -> Tensor:
    total = torch.zeros(WIDTH, dtype=torch.float64)
    for own in gradients:
        others = [g for g in gradients if g is not own]
        for order in (others, others[::-1]):
            g = own
            for other in order:
                g = g - torch.clamp(g @ other, max=0) / (other @ other) * other
            total = total + g / 2
    return total


@given(cases)
@settings(deadline=None, max_examples=60)
def test_pcgrad_weights_are_pcgrad_on_vectors(case: tuple[int, int]) -> None:
    gradients, active = draw_gradients(*case)
    weights = pcgrad(gradients @ gradients.mT, active)
    for i in range(SAMPLES):
        expected = vector_pcgrad([g for g, a in zip(gradients[i], active[i], strict=True) if a])
        actual = (weights[i] * active[i]) @ gradients[i]
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9 * float(gradients[i].abs().max()))
    assert (weights >= 1).all() and (weights[~active] == 1).all()


@given(cases, st.floats(-4, 4))
@settings(deadline=None, max_examples=40)
def test_a_common_scale_changes_no_weight(case: tuple[int, int], exponent: float) -> None:
    gradients, active = draw_gradients(*case)
    gram = gradients @ gradients.mT
    for rule in RULES.values():
        torch.testing.assert_close(rule(gram * 10**exponent, active), rule(gram, active), rtol=1e-10, atol=0)


@given(cases, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_the_order_of_losses_and_samples_does_not_matter(case: tuple[int, int], random) -> None:  # type: ignore[no-untyped-def]
    gradients, active = draw_gradients(*case)
    losses = random.sample(range(case[0]), case[0])
    samples = random.sample(range(SAMPLES), SAMPLES)
    gram = gradients @ gradients.mT
    for rule in RULES.values():
        moved = rule(gram[samples][:, losses][:, :, losses], active[samples][:, losses])
        torch.testing.assert_close(moved, rule(gram, active)[samples][:, losses], rtol=1e-9, atol=0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_last_linear_is_the_gram_of_outer_products(seed: int, candidates: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    u = {
        "video_audio": {"video": draw(3, 4), "audio": draw(3, 4)},
        "video_text": {"video": draw(3, 4), "text": draw(3, candidates, 4)},
        "audio_text": {"audio": draw(3, 4), "text": draw(3, candidates, 4)},
    }
    act = {"video": draw(3, 6), "audio": draw(3, 6), "text": draw(3, candidates, 6)}
    matrices = torch.stack(
        [
            sum(
                torch.einsum("bkd,bkp->bdp", g.reshape(3, -1, 4), act[branch].reshape(3, -1, 6))
                for branch, g in gradients.items()
            ).flatten(1)
            for gradients in u.values()
        ],
        dim=1,
    )
    branches = ("video", "audio", "text")
    torch.testing.assert_close(last_linear(u, activation_kernel(act, branches), branches), matrices @ matrices.mT)
