"""Windows of real files: old and new codecs, damage, six channels, silence, late streams, long films."""

from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.media.captions import read_captions
from vatt_harmony.media.decode import Window, probe, read_window
from vatt_harmony.media.encode import cut_clip
from vatt_harmony.media.sound import is_silent


def cut(path: Path, start: float = 0.0) -> Window:
    return read_window(path.read_bytes(), start, 32, 10.0, 48000, size=64, min_seconds=0.3)


@pytest.mark.parametrize(
    ("name", "start", "loops"),
    [
        ("grid/mpg/bbir6n.mpg", 0.0, True),
        ("grid_dirty/srbb4n.mpg", 0.3, True),
        ("grid/movies/movie_01.mp4", 77.3, False),
        ("film/tears-of-steel-battle-clip-medium.webm", 41.0, False),
        ("film/googlework_short.mp4", 20.0, False),
        ("narrated/hidden-elements.mp4", 30.0, False),
    ],
)
def test_video_with_sound(data_root: Path, name: str, start: float, loops: bool) -> None:
    window = cut(data_root / name, start)
    assert window.video is not None and window.audio is not None and not window.reasons
    assert window.video.shape == (32, 64, 64, 3) and window.audio.shape == (153600,)
    assert window.video.std() > 5 and not is_silent(window.audio) and np.abs(window.audio).max() < 1.2
    assert window.start == pytest.approx(start) and (window.period is not None) == loops


def test_seeking_gives_what_decoding_from_the_start_gives(data_root: Path) -> None:
    film = data_root / "grid/movies/movie_01.mp4"
    late = cut(film, 60.0)
    early = read_window(film, 56.8, 64, 10.0, 48000, size=64)
    assert late.video is not None and early.video is not None
    assert late.audio is not None and early.audio is not None
    assert (late.video == early.video[32:]).all()
    # Apart from the place of the resampler's grid, at most half a sample, the sound is the same.
    assert np.corrcoef(late.audio, early.audio[153600:])[0, 1] > 0.999


def test_a_stream_that_starts_late_moves_the_window(data_root: Path) -> None:
    assert probe(data_root / "film/googlework_short.mp4").video_start == pytest.approx(0.834)
    assert cut(data_root / "film/googlework_short.mp4").start == pytest.approx(0.834)


def test_six_channel_opus_without_picture(data_root: Path) -> None:
    window = cut(data_root / "narrated/physicsworks_audio.webm", 100.0)
    assert window.video is None and window.reasons == {"video": "no video stream"}
    assert window.audio is not None and window.audio.shape == (153600,) and not is_silent(window.audio)


def test_silence_and_missing_sound(data_root: Path) -> None:
    assert is_silent(cut(data_root / "silent/car-detection.mp4").audio)
    window = cut(data_root / "silent/asl/help.mkv")
    assert window.audio is None and window.reasons == {"audio": "no audio stream"}
    assert window.period == pytest.approx(1.933, abs=0.05)


def test_sound_files(data_root: Path) -> None:
    for path in (next(data_root.glob("esc10/**/*.ogg")), next(data_root.glob("av_digits/wav/*.wav"))):
        window = cut(path)
        assert window.video is None and window.audio is not None and window.audio.shape == (153600,)


def test_interval_of_a_film_becomes_a_prepared_clip(data_root: Path) -> None:
    clip = cut_clip(data_root / "film/tears-of-steel-battle-clip-medium.webm", 30.0, 34.0, short_side=96)
    assert (clip.height, clip.frames, clip.has_audio, clip.silent) == (96, 40, True, False)
    before, after = (
        cut(data_root / "film/tears-of-steel-battle-clip-medium.webm", 30.0),
        read_window(clip.data, 0.0, 32, 10.0, 48000, size=64),
    )
    assert before.video is not None and after.video is not None
    assert before.audio is not None and after.audio is not None
    assert np.abs(before.video.astype(int) - after.video).mean() < 6
    assert np.corrcoef(before.audio, after.audio)[0, 1] > 0.9


def test_caption_files(data_root: Path) -> None:
    assert len(read_captions(data_root / "narrated/hidden-elements.vtt")) >= 14
    assert len(read_captions(data_root / "grid/movies/movie_01.srt")) > 30
    assert read_captions(data_root / "narrated/physicsworks.segments.json")[1].start == 6.48
