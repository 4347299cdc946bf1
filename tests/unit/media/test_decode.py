"""Windows of generated media: times, loops, sync, missing streams, damage."""

import io
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.container import InputContainer
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from vatt_harmony.media.container import frames_of, open_container
from vatt_harmony.media.decode import open_media, probe, read_window
from vatt_harmony.media.encode import cut_clip, encode_clip
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.sound import is_silent
from vatt_harmony.media.span import plan_span


def encoded(video: np.ndarray | None, fps: float, audio: np.ndarray | None, rate: int) -> bytes:
    buffer = io.BytesIO()
    encode_clip(buffer, video=video, fps=fps, audio=audio, sample_rate=rate, bit_rate=128000)
    return buffer.getvalue()


def counting_frames(count: int, step: int = 8) -> np.ndarray:
    """Frame k is grey of value 10 + step * k, so that a decoded frame tells its number."""
    values = (10 + step * np.arange(count)).astype(np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, 64, 64, 3)).copy()


def frame_numbers(video: np.ndarray, step: int = 8) -> list[int]:
    return np.rint((video.mean(axis=(1, 2, 3)) - 10) / step).astype(int).tolist()


def flash_and_click(seconds: float, at: float, fps: float, rate: int) -> tuple[np.ndarray, np.ndarray]:
    video = np.full((round(seconds * fps), 64, 64, 3), 16, np.uint8)
    video[round(at * fps)] = 240
    audio = np.zeros(round(seconds * rate), np.float32)
    audio[round(at * rate) : round(at * rate) + 32] = 0.9
    return video, audio


def test_frames_are_the_last_ones_not_later_than_their_time() -> None:
    clip = encoded(counting_frames(30), 10, None, 0)
    window = read_window(clip, 0.55, 10, 10.0, 16000, size=32)
    assert window.video is not None and window.video.shape == (10, 32, 32, 3)
    assert frame_numbers(window.video) == list(range(5, 15))
    assert read_window(clip, 0.5, 4, 5.0, 16000, size=32).video is not None
    slow = read_window(clip, 0.5, 4, 5.0, 16000, size=32).video
    assert slow is not None and frame_numbers(slow) == [5, 7, 9, 11]


def test_window_beyond_the_end_moves_inside() -> None:
    window = read_window(encoded(counting_frames(30), 10, None, 0), 9.0, 10, 10.0, 16000, size=32)
    assert window.video is not None and frame_numbers(window.video) == list(range(20, 30))
    assert window.start == pytest.approx(2.0, abs=1e-3) and window.period is None


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("start", [0.0, 1.23, 13.7])
def test_flash_and_click_stay_together(rate: int, start: float) -> None:
    video, audio = flash_and_click(20, start + 1.0, 25, rate)
    window = read_window(encoded(video, 25, audio, rate), start, 80, 25.0, 48000, size=32)
    assert window.video is not None and window.audio is not None and window.audio.shape == (153600,)
    flash = int(window.video.mean(axis=(1, 2, 3)).argmax()) / 25
    click = int(np.abs(window.audio).argmax()) / 48000
    assert abs(flash - click) < 0.05
    assert abs(click - 1.0) < 0.002, "the encoder's priming samples must not shift the sound"


def test_short_clip_loops_both_with_one_period() -> None:
    video, audio = flash_and_click(1.0, 0.5, 10, 16000)
    window = read_window(encoded(video, 10, audio, 16000), 0.2, 32, 10.0, 16000, size=32)
    assert window.video is not None and window.audio is not None and window.period is not None
    assert window.period == pytest.approx(1.0, abs=0.01)
    flashes = np.flatnonzero(window.video.mean(axis=(1, 2, 3)) > 128) / 10
    clicks = np.flatnonzero(np.diff((np.abs(window.audio) > 0.4).astype(int), prepend=0) == 1)
    clicks = clicks[np.diff(clicks, prepend=-9999) > 8000] / 16000
    assert len(flashes) == len(clicks) == 3
    assert np.abs(flashes - clicks).max() <= 0.1
    assert np.diff(clicks) == pytest.approx(window.period, abs=1e-3)


def test_too_short_is_refused_by_the_common_interval() -> None:
    clip = encoded(counting_frames(20), 10, np.zeros(16000 * 3 // 10, np.float32), 16000)
    with pytest.raises(MediaError) as caught:
        read_window(clip, 0.0, 8, 10.0, 16000)
    assert caught.value.reason == "too short"
    assert read_window(clip, 0.0, 8, 10.0, 16000, min_seconds=0.1).period == pytest.approx(0.3, abs=0.03)


def test_one_frame_of_video_is_too_short() -> None:
    with pytest.raises(MediaError, match="too short"):
        read_window(encoded(counting_frames(1), 10, None, 0), 0.0, 8, 10.0, 16000)


def test_variable_frame_rate_is_cut_by_time() -> None:
    times = [0, 100, 150, 200, 900, 1000, 1600, 1650, 2400, 3000]  # milliseconds
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        # Without reordered frames, for which this muxer declares a wrong duration at uneven times.
        stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for pixels, time in zip(counting_frames(len(times)), times, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    window = read_window(buffer.getvalue(), 0.0, 30, 10.0, 16000, size=32)
    assert window.video is not None
    expected = [sum(time <= 100 * k for time in times) - 1 for k in range(30)]
    assert frame_numbers(window.video) == expected


def test_stream_starts_are_honoured() -> None:
    """Pictures that begin 0.5 s after the sound: the window begins with the pictures, and both stay together."""
    video, audio = flash_and_click(3, 1.0, 25, 48000)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        picture = container.add_stream("libx264", rate=25)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        sound = container.add_stream("flac", rate=48000, layout="mono")
        for index, pixels in enumerate(video):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = index + 12, Fraction(1, 25)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        samples = av.AudioFrame.from_ndarray((audio * 32767).astype(np.int16)[None], "s16", "mono")
        samples.sample_rate, samples.pts = 48000, 0
        container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
    info = probe(buffer.getvalue())
    assert info.video_start == pytest.approx(0.48, abs=0.01) and info.audio_start == 0
    window = read_window(buffer.getvalue(), 0.0, 50, 25.0, 48000, size=32)
    assert window.video is not None and window.audio is not None
    assert window.start == pytest.approx(0.48, abs=0.01)
    assert int(window.video.mean(axis=(1, 2, 3)).argmax()) / 25 == pytest.approx(1.0, abs=0.05)
    assert int(np.abs(window.audio).argmax()) / 48000 == pytest.approx(0.52, abs=0.05)


def test_missing_streams_are_none_with_a_reason() -> None:
    tone = np.sin(np.arange(32000) / 10).astype(np.float32)
    deaf = read_window(encoded(counting_frames(20), 10, None, 0), 0.0, 8, 10.0, 16000, size=32)
    assert deaf.audio is None and deaf.reasons == {"audio": "no audio stream"}
    blind = read_window(encoded(None, 0, tone, 16000), 0.0, 8, 10.0, 16000)
    assert blind.video is None and blind.reasons == {"video": "no video stream"}
    assert blind.audio is not None and blind.audio.shape == (12800,)


def test_a_sound_file_beside_the_clip_wins() -> None:
    tone = np.sin(np.arange(32000) / 10).astype(np.float32)
    clip = encoded(counting_frames(20), 10, np.zeros(32000, np.float32), 16000)
    with open_media(clip, encoded(None, 0, tone, 16000)) as media:
        window = media.read_window(0.5, 8, 10.0, 16000, height=32, width=48)
    assert window.video is not None and window.audio is not None
    assert window.video.shape == (8, 32, 48, 3) and frame_numbers(window.video) == list(range(5, 13))
    assert is_silent(read_window(clip, 0.5, 8, 10.0, 16000).audio) and not is_silent(window.audio)


def test_box_selects_the_fraction_of_the_picture() -> None:
    video = np.zeros((10, 96, 128, 3), np.uint8)
    video[:, 48:, 64:] = 255
    clip = encoded(video, 10, None, 0)
    corner = read_window(clip, 0.0, 8, 10.0, 16000, size=32, box=(0.5, 0.5, 1.0, 1.0)).video
    other = read_window(clip, 0.0, 8, 10.0, 16000, size=32, box=(0.0, 0.0, 0.5, 0.5)).video
    centre = read_window(clip, 0.0, 8, 10.0, 16000, size=32).video
    assert corner is not None and other is not None and centre is not None
    assert corner.mean() > 250 and other.mean() < 5
    assert centre[:, 20:, 20:].mean() > 250 and centre[:, :12, :12].mean() < 5


@pytest.mark.parametrize("degrees", [0, 90, -90, 180])
def test_turned_pictures_are_set_upright(degrees: int) -> None:
    upright = np.zeros((64, 96, 3), np.uint8)
    upright[:32, 48:] = 255
    stored = np.rot90(upright, -degrees // 90)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width = stored.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.set_display_rotation(degrees)
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(stored), format="rgb24")))
        container.mux(stream.encode(None))
    with open_media(buffer.getvalue()) as media:
        assert media.upright_size() == (64, 96)
        window = media.read_window(0.0, 4, 10.0, 16000, height=64, width=96)
    assert window.video is not None and np.abs(window.video.astype(int) - upright).mean() < 4
    clip = cut_clip(buffer.getvalue(), 0.0, 1.0, short_side=32)
    assert (clip.height, clip.width) == (32, 48)


def test_still_picture_fills_the_window(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 77, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for source in (path, path.read_bytes()):
        assert probe(source).still and math.isinf(probe(source).video_end)
        window = read_window(source, 3.0, 4, 10.0, 16000, size=32)
        assert window.video is not None and (window.video == 77).all() and window.audio is None


@pytest.mark.parametrize("layout", ["stereo", "5.1", "3.0", "7.1"])
def test_any_channel_layout_becomes_mono(layout: str) -> None:
    channels = av.AudioLayout(layout).nb_channels
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(88200) / 44100)).astype(np.float32)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="wav") as container:
        stream = container.add_stream("pcm_f32le", rate=44100, layout=layout)
        samples = np.repeat(tone, channels)[None]
        frame = av.AudioFrame.from_ndarray(samples, "flt", layout)
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    audio = read_window(buffer.getvalue(), 0.25, 10, 10.0, 16000).audio
    assert audio is not None and audio.shape == (16000,)
    expected = 0.5 * np.sin(2 * np.pi * 440 * (0.25 + np.arange(16000) / 16000))
    assert np.abs(audio - expected)[100:-100].max() < 1e-3


@pytest.mark.parametrize(
    ("codec", "container_format", "layout"),
    [
        ("pcm_s16le", "wav", "stereo"),
        ("pcm_s32le", "wav", "mono"),
        ("pcm_f64le", "wav", "stereo"),
        ("mp2", "matroska", "stereo"),
        ("aac", "matroska", "stereo"),
        ("aac", "matroska", "7.1"),
    ],
)
@pytest.mark.parametrize("rate", [48000, 16000])
def test_any_sample_format_keeps_the_loudness(codec: str, container_format: str, layout: str, rate: int) -> None:
    # 60 Hz: the encoder keeps only such tones in the low-frequency channel of 7.1.
    tone = (0.5 * np.sin(2 * np.pi * 60 * np.arange(96000) / 48000)).astype(np.float32)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=48000, layout=layout)
        stream.bit_rate = 384000
        frame = av.AudioFrame.from_ndarray(np.repeat(tone, av.AudioLayout(layout).nb_channels)[None], "flt", layout)
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    audio = read_window(buffer.getvalue(), 0.5, 10, 10.0, rate).audio
    assert audio is not None and audio.shape == (rate,)
    assert float(audio.std()) == pytest.approx(0.5 / math.sqrt(2), rel=0.02)


def test_text_named_mp4_and_a_missing_file_do_not_open(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("this is no film\n" * 100)
    for source in (path, path.read_bytes(), tmp_path / "absent.mp4", b""):
        with pytest.raises(MediaError) as caught:
            probe(source)
        assert caught.value.reason == "container open"


def noise_film(frames: int) -> bytes:
    """A Matroska film at 10 fps whose bytes are spread evenly over its seconds."""
    pictures = np.random.default_rng(0).integers(0, 255, (frames, 64, 64, 3), np.uint8)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p"
        for pixels in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def test_truncated_mp4_does_not_open() -> None:
    clip = encoded(counting_frames(30), 10, np.zeros(48000, np.float32), 16000)
    for size in (len(clip) // 2, 40):
        with pytest.raises(MediaError, match="container open"):
            read_window(clip[:size], 0.0, 20, 10.0, 16000)


def test_what_is_left_of_a_truncated_film_is_used() -> None:
    film = noise_film(100)
    for start in (5.0, 8.0):
        window = read_window(film[: len(film) * 6 // 10], start, 20, 10.0, 16000, size=32)
        assert window.video is not None and window.period is None
        assert 3.5 < window.start < 4.1, "the window moves before the damage"


def test_damage_inside_a_film_is_stepped_over() -> None:
    film = bytearray(noise_film(60))
    film[len(film) // 2 : len(film) // 2 + 400] = bytes(400)
    window = read_window(bytes(film), 2.0, 20, 10.0, 16000, size=32)
    assert window.video is not None and len({picture.tobytes() for picture in window.video}) > 15


@given(
    first=st.floats(0, 50),
    length=st.floats(0.5, 20),
    start=st.floats(-10, 100),
    frames=st.integers(1, 64),
    fps=st.sampled_from([5.0, 10.0, 25.0]),
)
def test_every_frame_time_lies_inside_the_common_interval(
    first: float, length: float, start: float, frames: int, fps: float
) -> None:
    span = plan_span((first, first + length), start, frames / fps, 16000)
    times = span.frame_times(frames, fps)
    assert (times >= first - 1e-6).all() and (times <= first + length + 1e-6).all()
    assert span.loops == (length < frames / fps) or abs(length - frames / fps) < 1e-6


@pytest.mark.parametrize("given_as", ["file", "bytes"])
def test_text_that_names_other_files_is_not_opened(tmp_path: Path, given_as: str) -> None:
    (tmp_path / "other.mkv").write_bytes(noise_film(20))
    playlist = tmp_path / "list.ffconcat"
    playlist.write_text("ffconcat version 1.0\nfile other.mkv\n")
    stream = tmp_path / "list.m3u8"
    stream.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.mkv\n#EXT-X-ENDLIST\n")
    for path in (playlist, stream):
        with pytest.raises(MediaError, match="container open"):
            probe(path if given_as == "file" else path.read_bytes())


def test_what_a_demuxer_cannot_read_is_stepped_over(monkeypatch: pytest.MonkeyPatch) -> None:
    film = noise_film(20)

    class Damaged:
        """A container whose demuxer fails once, in the middle."""

        def __init__(self, container: InputContainer) -> None:
            self._container, self._fails = container, True
            self.seek, self.start_time = container.seek, container.start_time

        def demux(self, streams: list[VideoStream]) -> Iterator[av.Packet]:
            for number, packet in enumerate(self._container.demux(streams)):
                if number == 5 and self._fails:
                    self._fails = False
                    raise av.InvalidDataError(1, "damage")
                yield packet

    with open_container(film) as container:
        damaged = cast("InputContainer", Damaged(container))
        assert len(list(frames_of(damaged, [container.streams.video[0]], 0.0))) == 19


def surround(**loud: float) -> bytes:
    """One second of 5.1 sound, a tone of the given loudness in the channels named."""
    tone = np.sin(2 * np.pi * 440 * np.arange(48000) / 48000).astype(np.float32)
    names = [channel.name for channel in av.AudioLayout("5.1").channels]
    channels = np.stack([tone * loud.get(name, 0.0) for name in names], axis=1)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="wav") as container:
        stream = container.add_stream("pcm_f32le", rate=48000, layout="5.1")
        frame = av.AudioFrame.from_ndarray(channels.reshape(1, -1).astype(np.float32), "flt", "5.1")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize(("channel", "gain"), [("FC", 0.2929), ("FL", 0.2071), ("BR", 0.1464), ("LFE", 0.0)])
def test_speech_in_the_centre_of_surround_sound_stays_loud(channel: str, gain: float) -> None:
    audio = read_window(surround(**{channel: 1.0}), 0.0, 10, 10.0, 48000).audio
    assert audio is not None and float(np.abs(audio).max()) == pytest.approx(gain, abs=1e-3)


def test_full_scale_in_all_channels_stays_full_scale() -> None:
    everywhere = dict.fromkeys(("FL", "FR", "FC", "LFE", "BL", "BR"), 1.0)
    audio = read_window(surround(**everywhere), 0.0, 10, 10.0, 48000).audio
    assert audio is not None and float(np.abs(audio).max()) == pytest.approx(1.0, abs=1e-5)
