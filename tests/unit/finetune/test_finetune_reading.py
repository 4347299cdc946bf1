"""Clips to tensors: which seconds and pixels are read, what chance does, what memory keeps, what failure gives."""

import gzip
import logging
import math
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vatt_harmony.config import from_mapping
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.augment import View, augment_audio, crop_box, fixed_views
from vatt_harmony.finetune.collate import FinetuneBatch, collate
from vatt_harmony.finetune.config import AudioConfig, InputsConfig, Modality, VideoConfig, ViewsConfig
from vatt_harmony.finetune.cut import cut_audio, cut_video
from vatt_harmony.finetune.dataset import FinetuneDataset, target_tensor
from vatt_harmony.finetune.items import FeatureFile, FrameFolder, IdxImage, Item, MediaFile, Source, Text
from vatt_harmony.finetune.pictures import RegionOf, StoredPictures
from vatt_harmony.finetune.splits import spread
from vatt_harmony.finetune.store import ClipStore
from vatt_harmony.finetune.unreadable import Unreadable
from vatt_harmony.media.encode import encode_clip
from vatt_harmony.media.errors import MediaError

RATE = 8000
TEST = View(key="clip")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 10 frames a second: frame k has grey 10 + 5 k on its left half and 250 on its right; the sound
    of second s has loudness 0.1 (s + 1)."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    video = np.full((40, 32, 64, 3), 250, np.uint8)
    video[:, :, :32] = (10 + 5 * np.arange(40, dtype=np.uint8))[:, None, None, None]
    time = np.arange(4 * RATE) / RATE
    sound = 0.1 * (1 + time // 1) * np.sin(2 * np.pi * 440 * time)
    encode_clip(path, video=video, fps=10.0, audio=sound.astype(np.float32), sample_rate=RATE, gop=5, crf=5)
    return path


def _greys(frames: Any) -> list[float]:
    return [float(frame[8:24, 8:24].mean()) for frame in np.asarray(frames)]


def test_frames_come_from_their_seconds_of_their_part_of_the_file(clip: Path) -> None:
    config = VideoConfig(frames=3, fps=1.0, position="first", size=(32, 64))
    assert _greys(cut_video(MediaFile(clip), config, TEST, None)) == pytest.approx([10, 60, 110], abs=4)
    assert _greys(cut_video(MediaFile(clip, 1.0, 4.0), config, TEST, None)) == pytest.approx([60, 110, 160], abs=4)
    looped = cut_video(MediaFile(clip, 2.0, 4.0), config, TEST, None)
    assert _greys(looped) == pytest.approx([110, 160, 110], abs=4)


def test_frames_without_a_rate_spread_over_the_clip(clip: Path) -> None:
    frames = cut_video(MediaFile(clip), VideoConfig(frames=4, size=(32, 64)), TEST, None)
    assert _greys(frames) == pytest.approx([10, 60, 110, 160], abs=4)


def test_region_and_crop_look_at_their_pixels(clip: Path) -> None:
    left = VideoConfig(frames=1, fps=1.0, position="first", size=16, region=(0.0, 0.0, 1.0, 0.5))
    assert np.asarray(cut_video(MediaFile(clip), left, TEST, None)).mean() == pytest.approx(10, abs=4)
    crops = VideoConfig(frames=1, fps=1.0, position="first", size=32)
    views = fixed_views("clip", ViewsConfig(crops=3))
    means = [np.asarray(cut_video(MediaFile(clip), crops, view, None)).mean() for view in views]
    assert means == pytest.approx([10, 130, 250], abs=6)
    assert crop_box((30, 60), VideoConfig(size=8, test_crop="stretch"), TEST) == (0, 0, 1, 1)


def test_a_region_is_cut_as_if_there_were_nothing_else() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (1, 32, 64, 3), dtype=np.uint8)
    region = RegionOf(StoredPictures(frame, 1.0), (0.25, 0.5, 0.75, 1.0))
    assert region.size == (16, 32)
    assert np.array_equal(region.cut(0.0, 1, 1.0, (16, 32), (0.0, 0.0, 1.0, 1.0)), frame[:, 8:24, 32:])
    assert np.array_equal(region.cut(0.0, 1, 1.0, (8, 16), (0.5, 0.5, 1.0, 1.0)), frame[:, 16:24, 48:])


def test_windows_of_a_test_are_the_same_seconds_for_picture_and_sound(clip: Path) -> None:
    video = VideoConfig(frames=1, fps=1.0, size=(32, 64))
    audio = AudioConfig(sample_rate=RATE, seconds=1.0)
    views = fixed_views("clip", ViewsConfig(clips=4))
    greys = [_greys(cut_video(MediaFile(clip), video, view, None))[0] for view in views]
    peaks = [float(np.abs(cut_audio(MediaFile(clip), audio, view, None)).max()) for view in views]
    assert greys == pytest.approx([10, 60, 110, 160], abs=5)
    assert peaks == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.06)


def test_short_sound_is_repeated_or_followed_by_silence(clip: Path) -> None:
    tiled = cut_audio(MediaFile(clip, 0.0, 1.0), AudioConfig(sample_rate=RATE, seconds=2.5), TEST, None)
    assert len(tiled) == 20000 and np.array_equal(tiled[:8000], tiled[8000:16000])
    padded = cut_audio(MediaFile(clip, 0.0, 1.0), AudioConfig(sample_rate=RATE, seconds=2.5, fit="pad"), TEST, None)
    assert np.array_equal(padded[:8000], tiled[:8000]) and not padded[8000:].any()


def test_too_few_frames_and_missing_streams_are_told(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="3 frames at 1 per second, 4 are needed"):
        cut_video(MediaFile(clip, 1.0), VideoConfig(frames=4, fps=1.0, min_frames=4), TEST, None)
    with pytest.raises(MediaError, match="container open"):
        cut_video(MediaFile(tmp_path / "gone.mp4"), VideoConfig(), TEST, None)
    with pytest.raises(MediaError, match="no video stream"):
        cut_video(MediaFile(_wav(tmp_path / "a.wav")), VideoConfig(), TEST, None)
    silent = tmp_path / "silent.mp4"
    encode_clip(silent, video=np.zeros((4, 16, 16, 3), np.uint8))
    with pytest.raises(MediaError, match="no audio stream"):
        cut_audio(MediaFile(silent), AudioConfig(), TEST, None)


def test_pictures_of_folders_idx_files_and_vectors(tmp_path: Path) -> None:
    for index in range(3):
        Image.new("RGB", (32, 16), (40 * index,) * 3).save(tmp_path / f"{index}.png")
    (tmp_path / "notes.txt").touch()
    frames = cut_video(FrameFolder(tmp_path, fps=1.0), VideoConfig(frames=4, fps=1.0, size=(16, 32)), TEST, None)
    assert [int(frame.mean()) for frame in frames] == [0, 40, 80, 0]
    head = b"\x00\x00\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2, 4, 4))
    (tmp_path / "images.gz").write_bytes(gzip.compress(head + bytes(range(32))))
    config = VideoConfig(frames=2, size=4)
    image = cut_video(IdxImage(tmp_path / "images.gz", 1), config, TEST, None)
    assert image.shape == (2, 4, 4, 3) and image[1, ..., 2].ravel().tolist() == list(range(16, 32))
    np.save(tmp_path / "v.npy", np.arange(10.0).reshape(5, 2))
    vectors = VideoConfig(view="features", width=2, frames=3, position="center")
    assert cut_video(FeatureFile(tmp_path / "v.npy"), vectors, TEST, None)[:, 0].tolist() == [2.0, 4.0, 6.0]
    with pytest.raises(MediaError, match=r"\(5, 2\)"):
        cut_video(FeatureFile(tmp_path / "v.npy"), VideoConfig(view="features", width=3), TEST, None)


@pytest.mark.parametrize("fps", [None, 5.0])
def test_memory_gives_what_the_file_gives(clip: Path, fps: float | None) -> None:
    store = ClipStore()
    video = VideoConfig(frames=4, fps=fps, position="random", size=16, region=(0.0, 0.0, 1.0, 0.75))
    audio = AudioConfig(sample_rate=RATE, seconds=1.0, position="random", gain_noise=0.1)
    view = View(key="k", training=True, seed=3, epoch=2)
    for _ in range(2):
        stored = cut_video(MediaFile(clip), video, view, store)
        assert np.abs(stored.astype(int) - cut_video(MediaFile(clip), video, view, None)).mean() < 6
        heard = cut_audio(MediaFile(clip), audio, view, store)
        assert np.allclose(heard, cut_audio(MediaFile(clip), audio, view, None), atol=0.02)
    assert store.bytes > 0
    clip_bytes = store.bytes
    cut_video(MediaFile(clip), video, View(key="k", training=True, epoch=9), store)
    assert store.bytes == clip_bytes


def test_noise_of_the_task_has_its_ratio_and_is_fixed_at_test() -> None:
    sound = (0.05 * np.sin(np.arange(80000) / 5)).astype(np.float32)
    config = AudioConfig(noise_db=6.0)
    first = augment_audio(sound, config, TEST)
    ratio = 10 * math.log10(float(np.mean(sound**2) / np.mean((first - sound) ** 2)))
    assert ratio == pytest.approx(6.0, abs=0.1)
    assert np.array_equal(first, augment_audio(sound, config, TEST))
    epochs = [augment_audio(sound, config, View(key="clip", training=True, epoch=epoch)) for epoch in (1, 2)]
    assert not np.array_equal(*epochs)
    assert np.array_equal(augment_audio(4 * sound + 2, AudioConfig(), TEST), np.ones_like(sound))


def _items(sources: list[dict[Modality, Source]], split: str = "train") -> list[Item]:
    return [
        Item(key=str(number), target=number % 2, sources=source, split=split)  # type: ignore[arg-type]
        for number, source in enumerate(sources)
    ]


INPUTS = from_mapping(
    InputsConfig,
    {
        "video": {"frames": 2, "fps": 2, "position": "random", "size": 16, "crop": "random_resized", "flip": 0.5},
        "audio": {"sample_rate": RATE, "seconds": 0.5, "position": "random", "view": "waveform"},
        "text": {"words": 3},
        "views": {"clips": 2, "crops": 2},
    },
)


def test_the_same_seed_epoch_and_item_give_the_same_example(clip: Path) -> None:
    items = _items([{"video": MediaFile(clip), "audio": MediaFile(clip)}] * 2)
    data = FinetuneDataset(items, INPUTS, ("video", "audio"), train=True, seed=1)
    data.set_epoch(4)
    first, second = data[0].inputs, data[0].inputs
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["video"].shape == (2, 16, 16, 3) and first["video"].dtype == torch.uint8
    assert first["audio"].shape == (4000,) and first["audio"].dtype == torch.float32
    assert not torch.equal(data[1].inputs["audio"], first["audio"])
    data.set_epoch(5)
    assert not torch.equal(data[0].inputs["audio"], first["audio"])


def test_a_test_example_has_all_views(clip: Path) -> None:
    data = FinetuneDataset(
        _items([{"video": MediaFile(clip), "audio": MediaFile(clip), "text": Text("one two")}], "test"),
        INPUTS,
        ("video", "audio", "text"),
        train=False,
        encode=lambda text: np.array([3, 4, 0], np.int64),
    )
    batch = collate([data[0]])
    shapes = {name: tuple(value.shape) for name, value in batch.inputs.items()}
    assert shapes == {"video": (1, 4, 2, 16, 16, 3), "audio": (1, 4, 4000), "text": (1, 4, 3)}
    assert batch.targets.tolist() == [0] and batch.keys == ("0",)


def test_what_cannot_be_read_is_replaced_in_training_left_out_at_test_and_told(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    good: dict[Modality, Source] = {"video": MediaFile(clip), "audio": MediaFile(clip)}
    broken: dict[Modality, Source] = {"video": MediaFile(tmp_path / "broken.mp4"), "audio": MediaFile(clip)}
    train = FinetuneDataset(_items([broken, good]), INPUTS, ("video", "audio"), train=True)
    example = train[0]
    assert example.key == "1" and example.failures == (("0", "video: container open"),)
    test = FinetuneDataset(_items([broken, good]), INPUTS, ("video", "audio"), train=False)
    batch = collate([test[0], test[1]])
    assert batch.keys == ("1",) and len(batch.failures) == 1
    masked = FinetuneDataset(_items([broken, good]), INPUTS, ("video", "audio"), train=True, mask_missing=True)
    batch = collate([masked[0], masked[1]])
    assert batch.present["video"].tolist() == [False, True] and batch.present["audio"].all()
    assert not batch.inputs["video"][0].any() and batch.inputs["audio"][0].any()
    none = collate([FinetuneDataset(_items([broken]), INPUTS, ("video", "audio"), train=True)[0]])
    assert len(none) == 0 and none.inputs == {} and none.failures


def test_failures_are_counted_once_a_clip_and_a_run_that_reads_nothing_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def batch(keys: tuple[str, ...], *failed: int) -> FinetuneBatch:
        failures = tuple((str(number), "audio: decode error") for number in failed)
        return FinetuneBatch(
            inputs={}, present={}, targets=torch.zeros(len(keys)), keys=keys, failures=failures
        )  # fmt: skip

    some = Unreadable("the train split")
    with caplog.at_level(logging.WARNING):
        some.add(batch(("a",), 1, 2))
        some.add(batch((), 2, *range(100)))
    assert some.counts == {"audio: decode error": 100} and len(caplog.records) == 1
    some.check()
    nothing = Unreadable("the train split")
    nothing.add(batch((), *range(49)))
    with pytest.raises(UserError, match="50 audio: decode error"):
        nothing.add(batch((), 49))
    Unreadable("an empty pass").check()


def test_a_clip_that_is_used_without_a_modality_is_not_told_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    used = FinetuneBatch(
        inputs={}, present={}, targets=torch.zeros(1), keys=("a",), failures=(("a", "audio: no audio stream"),)
    )
    with caplog.at_level(logging.WARNING):
        Unreadable("the train split").add(used)
    assert "a has no audio (used without: no audio stream)" in caplog.text and "cannot be read" not in caplog.text


def test_a_share_of_a_sorted_set_comes_from_all_over_it() -> None:
    items = _items([{}] * 100, "test")
    chosen = [int(item.key) for item in spread(items, 10, "test")]
    assert [place // 10 for place in chosen] == list(range(10)) and len({place % 10 for place in chosen}) > 1
    assert spread(items, 10, "test") == spread(items, 10, "test") and spread(items, 200, "test") == items


def test_targets_of_each_task() -> None:
    item = Item(key="a", target=(0, 2), sources={}, split="train")
    assert target_tensor(item, "multilabel", 4).tolist() == [1, 0, 1, 0]
    number = Item(key="a", target=1.5, sources={}, split="train")
    assert target_tensor(number, "regression", 1).tolist() == [1.5]


def test_a_batch_moves_as_a_whole(clip: Path) -> None:
    data = FinetuneDataset(_items([{"audio": MediaFile(clip)}]), INPUTS, ("audio",), train=True)
    moved = collate([data[0]]).to("meta")
    assert {moved.inputs["audio"].device.type, moved.targets.device.type} == {"meta"} and len(moved) == 1


def _wav(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"\x01\x02" * 2000)
    return path
