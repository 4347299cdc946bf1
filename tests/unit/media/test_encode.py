"""Encoding and cutting: the prepared format, its facts, and determinism."""

import io

import numpy as np
import pytest

from tests.unit.media.test_decode import noise_film
from vatt_harmony.media import encode
from vatt_harmony.media.decode import MediaReader, Window, probe, read_window
from vatt_harmony.media.encode import cut_clip, encode_clip
from vatt_harmony.media.errors import MediaError


def long_clip(height: int = 96, width: int = 128) -> bytes:
    """Eight seconds at 25 fps, brighter every second, with a click at each full second."""
    values = np.repeat(20 + 25 * np.arange(8), 25).astype(np.uint8)
    video = np.broadcast_to(values[:, None, None, None], (200, height, width, 3)).copy()
    audio = np.zeros(8 * 44100, np.float32)
    for second in range(1, 8):
        audio[second * 44100 : second * 44100 + 40] = 0.9
    buffer = io.BytesIO()
    encode_clip(buffer, video=video, fps=25, audio=audio, sample_rate=44100, bit_rate=128000)
    return buffer.getvalue()


def test_equal_input_gives_equal_bytes() -> None:
    assert long_clip() == long_clip()


def test_nothing_to_encode_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        encode_clip(io.BytesIO())


def test_cut_clip_is_the_interval_in_the_prepared_format() -> None:
    clip = cut_clip(long_clip(), 2.5, 6.5, short_side=48)
    assert (clip.height, clip.width, clip.fps, clip.frames, clip.duration) == (48, 64, 10.0, 40, 4.0)
    assert clip.has_video and clip.has_audio and not clip.silent and clip.samples == 4 * 48000
    info = probe(clip.data)
    assert (info.height, info.width, info.fps, info.sample_rate) == (48, 64, 10.0, 48000)
    assert info.duration == pytest.approx(4.0, abs=0.05)
    window = read_window(clip.data, 0.0, 40, 10.0, 48000, size=32)
    assert window.video is not None and window.audio is not None and window.period is None
    steps = np.flatnonzero(np.diff(window.video.mean(axis=(1, 2, 3))) > 12) + 1
    clicks = np.flatnonzero(np.diff((np.abs(window.audio) > 0.3).astype(int), prepend=0) == 1) / 48000
    assert np.unique(np.round(clicks, 1)) == pytest.approx([0.5, 1.5, 2.5, 3.5])
    assert steps / 10 == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=1e-6)


def test_a_whole_file_is_cut_to_whole_frames_and_not_looped() -> None:
    video = np.broadcast_to(np.linspace(20, 230, 149).astype(np.uint8)[:, None, None, None], (149, 64, 64, 3)).copy()
    buffer = io.BytesIO()
    encode_clip(buffer, video=video, fps=50)
    clip = cut_clip(buffer.getvalue(), 0.0, 10.0)
    assert clip.frames == 29
    last = read_window(clip.data, 0.0, 29, 10.0, 16000, size=32).video
    assert last is not None and (np.diff(last.mean(axis=(1, 2, 3))) > 0).all()


def test_sound_alone_is_cut_too() -> None:
    buffer = io.BytesIO()
    encode_clip(buffer, audio=np.sin(np.arange(96000) / 10).astype(np.float32))
    clip = cut_clip(buffer.getvalue(), 0.5, 1.5)
    assert (clip.has_video, clip.has_audio, clip.frames, clip.samples, clip.duration) == (False, True, 0, 48000, 1.0)


def test_cut_clip_never_enlarges_and_keeps_sizes_even() -> None:
    clip = cut_clip(long_clip(54, 70), 0.0, 2.0)
    assert (clip.height, clip.width) == (54, 70)
    assert cut_clip(long_clip(54, 70), 0.0, 2.0, short_side=27).height % 2 == 0


def test_cut_clip_outside_the_file_is_too_short() -> None:
    with pytest.raises(MediaError, match="too short"):
        cut_clip(long_clip(), 9.0, 12.0)


def test_silence_and_absence_of_sound_are_told_apart() -> None:
    video = np.full((20, 64, 64, 3), 90, np.uint8)
    quiet, deaf = io.BytesIO(), io.BytesIO()
    encode_clip(quiet, video=video, audio=np.zeros(96000, np.float32))
    encode_clip(deaf, video=video)
    assert cut_clip(quiet.getvalue(), 0, 2).silent and cut_clip(quiet.getvalue(), 0, 2).has_audio
    assert not cut_clip(deaf.getvalue(), 0, 2).has_audio and not cut_clip(deaf.getvalue(), 0, 2).silent


def test_a_long_clip_goes_to_the_encoder_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    film = long_clip()
    whole = cut_clip(film, 0.3, 7.3)
    read = MediaReader.read_window
    frames: list[int] = []

    def counted(media: MediaReader, start: float, count: int, *rest: float, **options: float) -> Window:
        frames.append(count)
        return read(media, start, count, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(MediaReader, "read_window", counted)
    monkeypatch.setattr(encode, "PART_BYTES", 20 * 3 * 96 * 128)
    parts = cut_clip(film, 0.3, 7.3)
    assert len(frames) == 4 and sum(frames) == 70 and max(frames) <= 20
    assert (parts.frames, parts.samples, parts.duration) == (whole.frames, whole.samples, whole.duration)
    one, other = (read_window(clip.data, 0.0, 70, 10.0, 48000, size=32) for clip in (whole, parts))
    assert one.video is not None and other.video is not None and one.audio is not None and other.audio is not None
    assert (one.video == other.video).all()
    clicks = [np.flatnonzero(np.diff((np.abs(audio) > 0.3).astype(int)) == 1) for audio in (one.audio, other.audio)]
    assert len(clicks[0]) == len(clicks[1]) == 7
    assert np.abs(clicks[0] - clicks[1]).max() <= 1, "parts begin at whole samples"


def test_a_film_that_ends_early_is_refused_also_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    film = noise_film(100)
    monkeypatch.setattr(encode, "PART_BYTES", 20 * 3 * 64 * 64)
    with pytest.raises(MediaError, match="decode error"):
        cut_clip(film[: len(film) * 6 // 10], 0.0, 9.5)
