"""Frames and samples to H.264 and AAC in mp4, and intervals of long files to short prepared clips."""

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from vatt_harmony.media.container import Source
from vatt_harmony.media.decode import open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.sound import is_silent

# One window of the model: seeking to any of its frames decodes at most one window more.
GOP_FRAMES = 32


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
    crf: int = 20,
    bit_rate: int = 64000,
) -> None:
    """Write `video` uint8 `[T, H, W, 3]` (even H and W) and mono `audio` float32 `[S]` as one mp4; either may be None.

    x264 with the fastdecode tune and one thread, so that equal input gives equal bytes. Raises ValueError
    when both are None.
    """
    if video is None and audio is None:
        raise ValueError("video and audio are both None; a clip needs at least one")
    target = str(place) if isinstance(place, Path) else place
    with av.open(target, "w", format="mp4") as container:
        # Streams are declared before the first packet: the header lists them all.
        picture = None if video is None else _picture_stream(container, video, fps, gop, crf)
        sound = None if audio is None else _sound_stream(container, sample_rate, bit_rate)
        if picture is not None and video is not None:
            for index, pixels in enumerate(video):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = index, picture.codec_context.time_base
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        if sound is not None and audio is not None:
            frame = av.AudioFrame.from_ndarray(audio.astype(np.float32, copy=False)[None], "fltp", "mono")
            frame.sample_rate, frame.pts = sample_rate, 0
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))


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
) -> Clip:
    """Re-encode [start, end) seconds of a file to the prepared format: constant `fps`, short side at most `short_side`.

    `end` beyond the file is cut back. Raises MediaError: "container open", "too short", "decode error".
    """
    with open_media(source, sound) as media:
        info = media.info
        start, end = max(start, info.common[0]), min(end, info.common[1])
        # Whole frames only: a rounded-up clip would have to loop its first moment in at the end.
        frames = int((end - start) * fps + 1e-6) if np.isfinite(end - start) else 0
        if end - start < min_seconds or frames < 1:
            raise MediaError("too short", f"{end - start:.3f} s between {start:.3f} and {end:.3f} s")
        height, width = _prepared_size(*media.upright_size(), short_side)
        window = media.read_window(start, frames, fps, sample_rate, height=height, width=width, min_seconds=min_seconds)
    buffer = io.BytesIO()
    encode_clip(buffer, video=window.video, fps=fps, audio=window.audio, sample_rate=sample_rate)
    return Clip(
        data=buffer.getvalue(),
        duration=frames / fps,
        fps=fps,
        frames=0 if window.video is None else frames,
        height=0 if window.video is None else height,
        width=0 if window.video is None else width,
        has_video=window.video is not None,
        has_audio=window.audio is not None,
        silent=window.audio is not None and is_silent(window.audio, silence),
        sample_rate=sample_rate,
        samples=0 if window.audio is None else len(window.audio),
    )


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
