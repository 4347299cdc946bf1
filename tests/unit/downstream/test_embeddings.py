"""Embedding an evaluation stream: windows of a clip are averaged, masks respected, frames shuffled on request."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from vatt_harmony.downstream.embeddings import embed_source, shuffled_frames
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.batch import Batch

TINY = ModelConfig(
    trunk=TowerConfig(depth=1, width=32, ff=64, heads=2), frames=4, size=16, patch=(2, 8, 8), samples=64,
    audio_patch=16, vocabulary=30, words=6, text_width=12, d_va=16, d_vt=8, post_width=24,
)  # fmt: skip


def make_batch(keys: list[str], first: int = 0, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    count = len(keys)
    mask = torch.ones(count, dtype=torch.bool)
    return Batch(
        video=torch.randint(0, 256, (count, 4, 16, 16, 3), generator=generator, dtype=torch.uint8),
        audio=torch.randn(count, 64, generator=generator),
        text=torch.randint(1, 30, (count, 2, 6), generator=generator),
        video_mask=mask, audio_mask=mask, text_mask=mask[:, None].repeat(1, 2),
        seed=torch.arange(count), position=torch.arange(first, first + count), keys=keys, sources=["s"] * count,
    )  # fmt: skip


@pytest.fixture(scope="module")
def vatt() -> Vatt:
    torch.manual_seed(0)
    model = Vatt(TINY)
    for name, buffer in model.named_buffers():  # statistics away from their initial values
        buffer.uniform_(0.5, 1.5) if "var" in name else buffer.normal_()
    return model


def raw(vatt: Vatt, batch: Batch) -> dict[str, torch.Tensor]:
    vatt.eval()
    with torch.no_grad():
        z = vatt(batch.video, batch.audio, batch.text.flatten(0, 1))
        embedded = vatt.head_stage.embed({branch: z[branch] for branch in ("video", "audio", "text")})
    return embedded["video_text"] | {"sound": embedded["video_audio"]["audio"]}


def test_raw_embeddings_of_windows_and_candidates_are_averaged_then_normalised(vatt: Vatt) -> None:
    batch = make_batch(["s/a", "s/b", "s/a", ""])
    batch = replace(
        batch,
        position=torch.tensor([0, 2, 1, -1]),
        text_mask=torch.tensor([[True, True], [True, False], [False, True], [False, False]]),
    )
    result = embed_source(vatt.train(), [batch], windows=2)
    assert vatt.training and result.keys == ("s/a", "s/b")
    expected = raw(vatt, batch)
    video, text = result.pairs["video_text"]
    torch.testing.assert_close(video[0], F.normalize(expected["video"][[0, 2]].mean(0), dim=0))
    torch.testing.assert_close(text[0], F.normalize(expected["text"][[0, 1, 5]].mean(0), dim=0))
    torch.testing.assert_close(text[1], F.normalize(expected["text"][2], dim=0))


def test_clips_that_share_a_key_stay_apart(vatt: Vatt) -> None:
    batch = make_batch(["s/a", "s/a", "s/a", "s/a"])
    result, expected = embed_source(vatt, [batch], windows=2), raw(vatt, batch)["video"]
    assert result.keys == ("s/a", "s/a")
    torch.testing.assert_close(result.pairs["video_text"][0][1], F.normalize(expected[2:].mean(0), dim=0))
    assert len(embed_source(vatt, [batch]).keys) == 4


def test_missing_modalities_are_absent_not_embedded(vatt: Vatt) -> None:
    batch = make_batch(["s/a", "s/b"])
    batch = replace(batch, audio_mask=torch.tensor([True, False]), text_mask=torch.zeros(2, 2, dtype=torch.bool))
    result = embed_source(vatt, [batch])
    assert result.present["video"].tolist() == [True, True]
    assert result.present["audio"].tolist() == [True, False]
    assert result.present["text"].tolist() == [False, False]
    assert result.pairs["video_audio"][1][1].abs().max() == 0
    assert "audio_text" not in result.pairs


def test_result_does_not_depend_on_how_clips_are_batched(vatt: Vatt) -> None:
    whole = make_batch([f"s/{i // 2}" for i in range(6)])
    tensors = ("video", "audio", "text", "video_mask", "audio_mask", "text_mask", "seed", "position")
    halves = [
        replace(whole, **{name: getattr(whole, name)[rows] for name in tensors}, keys=whole.keys[rows])
        for rows in (slice(2, 6), slice(0, 2))
    ]
    together, apart = embed_source(vatt, [whole], windows=2), embed_source(vatt, halves, windows=2)
    assert together.keys == apart.keys
    for pair, sides in together.pairs.items():
        torch.testing.assert_close(sides, apart.pairs[pair], rtol=0, atol=1e-6)


def test_shuffled_frames_permute_time_alone() -> None:
    batch = make_batch(["s/a", "s/b"])
    shuffled = shuffled_frames(batch, seed=1)
    assert not torch.equal(shuffled, batch.video)
    assert torch.equal(shuffled, shuffled_frames(batch, seed=1))
    assert torch.equal(shuffled.sum(1), batch.video.sum(1))


def test_shuffling_reaches_the_video_alone(vatt: Vatt) -> None:
    batch = make_batch(["s/a", "s/b"])
    plain, control = embed_source(vatt, [batch]), embed_source(vatt, [batch], shuffle_frames=1)
    assert not torch.allclose(plain.pairs["video_text"][0], control.pairs["video_text"][0])
    assert torch.equal(plain.pairs["video_text"][1], control.pairs["video_text"][1])


def test_no_clip_gives_no_embedding(vatt: Vatt) -> None:
    assert embed_source(vatt, []).keys == ()
