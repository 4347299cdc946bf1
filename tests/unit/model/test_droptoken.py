"""DropToken: exact counts, right frequencies, own draws for each sample, none in evaluation."""

import numpy as np
import pytest
import torch
from support.small_model import media, small_model

from vatt_harmony.model.droptoken import kept_tokens


def test_distinct_tokens_and_reproducible() -> None:
    kept = kept_tokens(torch.arange(50), 1568, 784)
    assert kept.shape == (50, 784)
    assert all(len(set(row)) == 784 and min(row) >= 0 and max(row) < 1568 for row in kept.tolist())
    assert torch.equal(kept, kept_tokens(torch.arange(50), 1568, 784))
    assert torch.equal(kept[7:9], kept_tokens(torch.tensor([7, 8]), 1568, 784))


def test_hash_is_splitmix64_on_every_device() -> None:
    def mix(x: int) -> int:
        mask = (1 << 64) - 1
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & mask
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB & mask
        return x ^ (x >> 31)

    def hashed(seed: int, token: int) -> int:
        value = mix((mix(seed % (1 << 64)) + (token + 1) * 0x9E3779B97F4A7C15) % (1 << 64))
        return value - (1 << 64) if value >> 63 else value

    for seed in (0, 12345, -7, (1 << 62) + 3):
        expected = sorted(range(30), key=lambda token: hashed(seed, token))[:11]
        assert kept_tokens(torch.tensor([seed]), 30, 11)[0].tolist() == expected


def test_every_token_is_kept_at_the_rate() -> None:
    seeds = torch.from_numpy(np.random.default_rng(0).integers(0, 1 << 62, 20000))
    for chosen in (seeds, torch.arange(20000)):
        share = torch.bincount(kept_tokens(chosen, 40, 10).flatten(), minlength=40) / 20000
        # Six standard deviations of a share of 0.25 over 20,000 draws.
        assert (share - 0.25).abs().max() < 6 * (0.25 * 0.75 / 20000) ** 0.5


def test_rows_differ_per_sample_and_agree_per_batch() -> None:
    seeds = torch.arange(8)
    assert len({tuple(sorted(row)) for row in kept_tokens(seeds, 100, 50).tolist()}) == 8
    assert len({tuple(row) for row in kept_tokens(seeds, 100, 50, per_batch=True).tolist()}) == 1


@pytest.mark.parametrize("kind", ["agnostic", "specific"])
def test_training_drops_and_evaluation_does_not(kind: str) -> None:
    model, inputs = small_model(kind=kind), media()
    for branch, tokens in (("video", 8), ("audio", 16)):
        front = model.tokens[branch]
        assert front.train()(inputs[branch], inputs[f"{branch}_seed"])[0].shape[1] == 1 + tokens // 2
        assert front.eval()(inputs[branch], inputs[f"{branch}_seed"])[0].shape[1] == 1 + tokens
    with pytest.raises(ValueError, match="seed is None"):
        model.train()(video=inputs["video"])


def test_kept_tokens_are_those_of_the_full_sequence() -> None:
    front, inputs = small_model().tokens["video"], media()
    full = front.eval()(inputs["video"], None)[0][:, 1:]
    dropped = front.train()(inputs["video"], inputs["video_seed"])[0][:, 1:]
    index = front.kept(8, inputs["video_seed"])
    torch.testing.assert_close(dropped, full[torch.arange(3)[:, None], index])


def test_equal_seeds_draw_differently_for_video_and_audio() -> None:
    model = small_model().train()
    seed = torch.arange(5)
    assert not torch.equal(model.tokens["video"].kept(64, seed), model.tokens["audio"].kept(64, seed))


def test_order_of_kept_tokens_does_not_matter() -> None:
    model, inputs = small_model(), media()
    tokens, _ = model.tokens["video"].train()(inputs["video"], inputs["video_seed"])
    shuffled = torch.cat([tokens[:, :1], tokens[:, 1:].flip(1)], dim=1)
    encoder = model.encoders["shared"]
    torch.testing.assert_close(encoder(tokens)[0], encoder(shuffled)[0])
