"""Frames and samples to H.264 and AAC in mp4, and intervals of long files to short prepared clips."""

import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from vatt_harmony.media.container import Source
from vatt_harmony.media.decode import MediaReader, Window, open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.sound import is_silent

# One window of the model: seeking to any of its frames decodes at most one window more.
GOP_FRAMES = 32
CRF = 20
BIT_RATE = 64000
# Of decoded pictures and sound that are held at once while a clip is cut.
PART_BYTES = 128 << 20
PART_SECONDS = 600.0

Part = tuple[NDArray[np.uint8] | None, NDArray[np.float32] | None]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """An encoded clip and what the sample's json says about it; seconds, Hz, pixels."""

    data: bytes
    duration: float
    fps: float
    frames: int
    height: int
    width: int
    has_video: bool
    has_audio: bool
    silent: bool
    sample_rate: int
    samples: int


def encode_clip(
    place: Path | io.BytesIO,
    *,
    video: NDArray[np.uint8] | None = None,
    fps: float = 10.0,
    audio: NDArray[np.float32] | None = None,
    sample_rate: int = 48000,
    gop: int = GOP_FRAMES,
    crf: int = CRF,
    bit_rate: int = BIT_RATE,
) -> None:
    """Write `video` uint8 `[T, H, W, 3]` (even H and W) and mono `audio` float32 `[S]` as one mp4; either may be None.

    x264 with the fastdecode tune and one thread, so that equal input gives equal bytes. Raises ValueError
    when both are None.
    """
    _encode(place, [(video, audio)], fps, sample_rate, gop, crf, bit_rate)


def _encode(
    place: Path | io.BytesIO, parts: Iterable[Part], fps: float, sample_rate: int, gop: int, crf: int, bit_rate: int
) -> None:
    """Write parts that follow one another, of the same size and with the same streams, as one mp4."""
    left = iter(parts)
    video, audio = first = next(left)
    if video is None and audio is None:
        raise ValueError("video and audio are both None; a clip needs at least one")
    target = str(place) if isinstance(place, Path) else place
    with av.open(target, "w", format="mp4") as container:
        # Streams are declared before the first packet: the header lists them all.
        picture = None if video is None else _picture_stream(container, video, fps, gop, crf)
        sound = None if audio is None else _sound_stream(container, sample_rate, bit_rate)
        shown = heard = 0
        for video, audio in itertools.chain([first], left):
            if picture is not None and video is not None:
                for index, pixels in enumerate(video, start=shown):
                    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                    frame.pts, frame.time_base = index, picture.codec_context.time_base
                    container.mux(picture.encode(frame))
                shown += len(video)
            if sound is not None and audio is not None:
                wave = av.AudioFrame.from_ndarray(audio.astype(np.float32, copy=False)[None], "fltp", "mono")
                wave.sample_rate, wave.pts, wave.time_base = sample_rate, heard, Fraction(1, sample_rate)
                container.mux(sound.encode(wave))
                heard += len(audio)
        for stream in filter(None, (picture, sound)):
            container.mux(stream.encode(None))


def cut_clip(
    source: Source,
    start: float,
    end: float,
    sound: Source | None = None,
    *,
    fps: float = 10.0,
    short_side: int = 256,
    sample_rate: int = 48000,
    silence: float = 1e-4,
    min_seconds: float = 0.5,
    crf: int = CRF,
    bit_rate: int = BIT_RATE,
) -> Clip:
    """Re-encode [start, end) seconds of a file to the prepared format: constant `fps`, short side at most `short_side`.

    `end` beyond the file is cut back. Pictures and sound go to the encoder part by part, so that the memory needed
    does not grow with the length, but for the encoded bytes.
    Raises MediaError: "container open", "too short", "decode error".
    """
    with open_media(source, sound) as media:
        info = media.info
        start, end = max(start, info.common[0]), min(end, info.common[1])
        # Whole frames only: a rounded-up clip would have to loop its first moment in at the end.
        frames = int((end - start) * fps + 1e-6) if np.isfinite(end - start) else 0
        if end - start < min_seconds or frames < 1:
            raise MediaError("too short", f"{end - start:.3f} s between {start:.3f} and {end:.3f} s")
        height, width = _prepared_size(*media.upright_size(), short_side)
        seen, samples, silent = 0, 0, True

        def parts() -> Iterator[Part]:
            nonlocal seen, samples, silent
            for window in _windows(media, start, frames, fps, sample_rate, height, width, min_seconds):
                seen += 0 if window.video is None else len(window.video)
                if window.audio is not None:
                    samples += len(window.audio)
                    silent = silent and is_silent(window.audio, silence)
                yield window.video, window.audio

        buffer = io.BytesIO()
        _encode(buffer, parts(), fps, sample_rate, GOP_FRAMES, crf, bit_rate)
    return Clip(
        data=buffer.getvalue(),
        duration=frames / fps,
        fps=fps,
        frames=seen,
        height=height if seen else 0,
        width=width if seen else 0,
        has_video=seen > 0,
        has_audio=samples > 0,
        silent=samples > 0 and silent,
        sample_rate=sample_rate,
        samples=samples,
    )


def _windows(
    media: MediaReader, start: float, frames: int, fps: float, rate: int, height: int, width: int, min_seconds: float
) -> Iterator[Window]:
    """The windows that make up `frames` pictures from `start`; raises MediaError when one of several is not whole."""
    most = max(min(PART_BYTES // (3 * height * width), int(PART_SECONDS * fps)), 1)
    count = -(-frames // most)
    edges = [frames * part // count for part in range(count + 1)]
    streams: tuple[bool, bool] | None = None
    for first, last in itertools.pairwise(edges):
        begin = start + first / fps
        window = media.read_window(begin, last - first, fps, rate, height=height, width=width, min_seconds=min_seconds)
        found = window.video is not None, window.audio is not None
        streams = streams or found
        moved = window.period is not None or abs(window.start - begin) > 1 / fps
        if count > 1 and (moved or found != streams):
            raise MediaError("decode error", f"there is no whole picture and sound from {begin:.2f} s on")
        yield window


def _picture_stream(
    container: OutputContainer, video: NDArray[np.uint8], fps: float, gop: int, crf: int
) -> av.VideoStream:
    rate = Fraction(fps).limit_denominator(1001)
    stream = container.add_stream("libx264", rate=rate)
    stream.height, stream.width = video.shape[1:3]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.gop_size = gop
    stream.codec_context.thread_count = 1
    stream.codec_context.time_base = 1 / rate
    stream.options = {"crf": str(crf), "preset": "superfast", "tune": "fastdecode"}
    return stream


def _sound_stream(container: OutputContainer, sample_rate: int, bit_rate: int) -> av.AudioStream:
    stream = container.add_stream("aac", rate=sample_rate, layout="mono")
    stream.bit_rate = bit_rate
    stream.options = {"aac_coder": "fast"}  # half the time of the default search, same rate
    return stream


def _prepared_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Even height and width with the clip's aspect; never larger than the clip."""
    scale = min(short_side / max(min(height, width), 1), 1.0)
    return max(round(height * scale / 2) * 2, 2), max(round(width * scale / 2) * 2, 2)
