"""Properties of the contrastive losses for any embeddings and masks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vatt_harmony.objective import ObjectiveConfig, pair_losses

MODES = ["asymmetric", "symmetric", "paper"]


def draw_batch(seed: int, batch: int, candidates: int) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    embeddings = {
        "video_audio": (draw(batch, 4), draw(batch, 4)),
        "video_text": (draw(batch, 3), draw(batch, candidates, 3)),
    }
    valid = {
        "video": torch.rand(batch, generator=generator) < 0.8,
        "audio": torch.rand(batch, generator=generator) < 0.7,
        "text": torch.rand(batch, candidates, generator=generator) < 0.5,
    }
    return embeddings, valid


@pytest.mark.parametrize("mode", MODES)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_order_and_length_do_not_matter_and_losses_stay_above_the_floor(
    mode: str, seed: int, batch: int, candidates: int
) -> None:
    embeddings, valid = draw_batch(seed, batch, candidates)
    config = ObjectiveConfig(mode=mode)  # type: ignore[arg-type]
    result = pair_losses(embeddings, valid, config)
    order = torch.randperm(batch, generator=torch.Generator().manual_seed(seed))
    moved = pair_losses(
        {pair: (5 * a[order], o[order] / 7) for pair, (a, o) in embeddings.items()},
        {branch: mask[order] for branch, mask in valid.items()},
        config,
    )
    floor = torch.log(torch.tensor(2.0)) if mode == "asymmetric" else torch.tensor(0.0)
    for pair, term in result.terms.items():
        torch.testing.assert_close(moved.terms[pair], term, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(moved.per_sample[pair], result.per_sample[pair][order], equal_nan=True)
        own = result.per_sample[pair]
        assert (own[~own.isnan()] >= floor - 1e-6).all()
        assert term.isfinite()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
@settings(deadline=None, max_examples=30)
def test_appended_candidates_that_do_not_exist_change_nothing(seed: int, extra: int) -> None:
    embeddings, valid = draw_batch(seed, 5, 2)
    video, text = embeddings["video_text"]
    padding = torch.randn(5, extra, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    padded = embeddings | {"video_text": (video, torch.cat([text, padding], dim=1))}
    mask = valid | {"text": torch.cat([valid["text"], torch.zeros(5, extra, dtype=torch.bool)], dim=1)}
    config = ObjectiveConfig()
    torch.testing.assert_close(
        pair_losses(padded, mask, config).total, pair_losses(embeddings, valid, config).total, rtol=1e-12, atol=0
    )
