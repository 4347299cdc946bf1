"""`VattProcessor`: windows, scaling, sound, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.exports import SENTENCES, STREAM

from vatt_harmony.downstream.export import processor_for
from vatt_harmony.model.processor import VattProcessor
from vatt_harmony.stream.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def processor() -> VattProcessor:
    return processor_for(STREAM, train_tokenizer(SENTENCES, 64, STREAM.words).backend)


def frames(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((count, height, width, 3), np.arange(count, dtype=np.uint8)[:, None, None, None])


def test_long_clips_give_their_middle_short_ones_loop(processor: VattProcessor) -> None:
    video = processor(video=[frames(10), frames(3, 100, 40)])["video"]
    assert video.shape == (2, 4, 32, 32, 3) and video.dtype == torch.uint8
    assert video[0, :, 0, 0, 0].tolist() == [3, 4, 5, 6]
    assert video[1, :, 0, 0, 0].tolist() == [0, 1, 2, 0]
    sound = np.arange(10000, dtype=np.float32)
    assert processor(audio=sound, sampling_rate=8000)["audio"][0, :2].tolist() == [1000, 1001]


def test_right_size_is_left_alone_and_one_clip_is_a_batch(processor: VattProcessor) -> None:
    clip = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8)
    assert torch.equal(processor(video=clip)["video"], clip[None])
    assert torch.equal(processor(video=clip[None].numpy())["video"], clip[None])


def test_centre_is_cropped(processor: VattProcessor) -> None:
    clip = np.zeros((4, 32, 64, 3), np.uint8)
    clip[:, :, 16:48] = 200
    assert processor(video=clip)["video"].unique().tolist() == [200]


def test_sound_of_16_bits_is_scaled(processor: VattProcessor) -> None:
    audio = processor(audio=np.full(8000, -32768, np.int16), sampling_rate=8000)["audio"]
    assert audio.dtype == torch.float32 and audio.unique().tolist() == [-1.0]


def test_text_is_padded_cropped_and_normalised(processor: VattProcessor) -> None:
    ids = processor(text=["Red, BALL!", "red ball", "a red ball rolls left a dog barks", ""])["input_ids"]
    assert ids.shape == (4, STREAM.words) and torch.equal(ids[0], ids[1])
    assert (ids[2] > 0).all() and not ids[3].any()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"video": np.zeros((4, 3, 32, 32), np.uint8)}, r"\[T, H, W, 3\]"),
        ({"video": np.zeros((4, 32, 32, 3), np.float32)}, "uint8"),
        ({"video": "clip.mp4"}, "Decode it first"),
        ({"audio": np.zeros(8000, np.float32)}, "sampling_rate is not given"),
        ({"audio": np.zeros(8000, np.float32), "sampling_rate": 44100}, "44100 Hz, but this model hears 8000"),
        ({"audio": np.zeros((1, 2, 8000), np.float32), "sampling_rate": 8000}, "mono"),
        ({"audio": np.zeros(0, np.float32), "sampling_rate": 8000}, "waveform"),
    ],
)
def test_what_would_be_misread_is_refused(processor: VattProcessor, given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        processor(**given)


def test_save_and_load(processor: VattProcessor, tmp_path: Path) -> None:
    processor.save_pretrained(tmp_path)
    again = VattProcessor.from_pretrained(tmp_path)
    assert again.to_dict() == processor.to_dict()
    assert torch.equal(again.encode(SENTENCES), processor.encode(SENTENCES))
