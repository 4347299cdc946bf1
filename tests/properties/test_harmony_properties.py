"""Properties of the signals for any gradients."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vatt_harmony.harmony.signals import activation_kernel, last_linear


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
    # The signal undoes the mean over the batch, by one factor for all.
    expected = 3**2 * matrices @ matrices.mT
    torch.testing.assert_close(last_linear(u, activation_kernel(act, branches), branches), expected)
