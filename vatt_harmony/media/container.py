"""Opening a media container, reading its facts, and walking its frames without stopping at damage."""

import contextlib
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vatt_harmony.media.errors import MediaError

Source = bytes | Path
MAX_DAMAGED_PACKETS = 100
MICROSECONDS = 1_000_000
# Formats whose text names other files or addresses to be opened in the file's stead.
PLAYLISTS = frozenset({"concat", "dash", "hls", "imf", "rtp", "rtsp", "sdp", "lavfi"})
_ONLY_ITSELF = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(sorted(av.formats_available - PLAYLISTS)),
}


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """What a container declares about itself; times in seconds from its start, NaN where there is no stream.

    Height and width are the stored ones, which a phone may have turned.
    `video_end` is infinite for a still picture and, like `audio_end`, where the container does not say.
    """

    duration: float
    has_video: bool
    has_audio: bool
    fps: float
    sample_rate: int
    height: int
    width: int
    video_start: float
    video_end: float
    audio_start: float
    audio_end: float
    still: bool = False

    @property
    def common(self) -> tuple[float, float]:
        """Start and end in seconds of the interval in which every present stream has data."""
        starts = [start for start in (self.video_start, self.audio_start) if not math.isnan(start)]
        ends = [end for end in (self.video_end, self.audio_end) if not math.isnan(end)]
        return max(starts), min(ends)


@contextlib.contextmanager
def open_container(source: Source) -> Iterator[InputContainer]:
    """Open bytes or a file for reading and close it afterwards; raises MediaError("container open").

    Playlists (HLS, DASH, ffconcat and their like) are refused: a data set must not make this machine open others.
    """
    name = f"{len(source)} bytes" if isinstance(source, bytes) else str(source)
    try:
        # The prefix keeps a file name with a colon from being read as a protocol.
        place = io.BytesIO(source) if isinstance(source, bytes) else f"file:{source}"
        container = av.open(place, metadata_errors="ignore", options=_ONLY_ITSELF)
    except (av.FFmpegError, OSError) as error:
        raise MediaError("container open", f"{name}: {error}") from error
    with container:
        for stream in (*container.streams.video, *container.streams.audio):
            if stream.codec_context is not None:
                stream.codec_context.thread_count = 1
        yield container


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The first moving or still picture stream; cover art of a sound file is not one."""
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The first sound stream for which there is a decoder."""
    return next((stream for stream in container.streams.audio if stream.codec_context is not None), None)


def origin(container: InputContainer) -> float:
    """The container's time zero in seconds; a negative start is codec priming, which the decoder discards."""
    return max(container.start_time or 0, 0) / MICROSECONDS


def describe(container: InputContainer) -> MediaInfo:
    """Read the declared facts of an open container; raises MediaError when it has neither picture nor sound."""
    video, audio = picture_stream(container), sound_stream(container)
    if video is None and audio is None:
        raise MediaError("no video stream", f"{container.format.name} container without picture or sound")
    still = video is not None and _is_still(container)
    video_start, video_end = _extent(container, video)
    audio_start, audio_end = _extent(container, audio)
    return MediaInfo(
        duration=max(_known(video_end, audio_end), default=0.0) if not still else 0.0,
        has_video=video is not None,
        has_audio=audio is not None,
        fps=float(video.average_rate or 0) if video is not None else 0.0,
        sample_rate=audio.codec_context.sample_rate if audio is not None else 0,
        height=video.codec_context.height if video is not None else 0,
        width=video.codec_context.width if video is not None else 0,
        video_start=video_start,
        video_end=math.inf if still else video_end,
        audio_start=audio_start,
        audio_end=audio_end,
        still=still,
    )


def frames_of(
    container: InputContainer,
    streams: list[VideoStream | AudioStream],
    start: float,
    wanted: Callable[[av.Packet], bool] = lambda packet: True,
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """Decode the streams interleaved from the last keyframe before `start` (seconds from the container's start).

    Packets that are not `wanted` are not decoded. Damaged ones are skipped, whether they cannot be read or cannot be
    decoded, at most MAX_DAMAGED_PACKETS of them; a file cut short simply ends.
    """
    with contextlib.suppress(av.FFmpegError):  # not seekable: read from where it stands
        container.seek(int((start + origin(container)) * MICROSECONDS))
    damaged = 0
    packets = container.demux(streams)
    while damaged < MAX_DAMAGED_PACKETS:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            damaged += 1
            packets = container.demux(streams)  # a generator that has raised is at its end
            continue
        if packet is None:
            return
        try:
            frames = packet.decode() if wanted(packet) else []
        except av.FFmpegError:
            damaged += 1
            continue
        for frame in frames:
            if isinstance(frame, (av.VideoFrame, av.AudioFrame)):
                yield frame


def _known(*ends: float) -> list[float]:
    return [end for end in ends if math.isfinite(end)]


def _is_still(container: InputContainer) -> bool:
    name = container.format.name
    return name.endswith("_pipe") or name == "image2"


def _extent(container: InputContainer, stream: VideoStream | AudioStream | None) -> tuple[float, float]:
    """Start and end of a stream in seconds from the container's start."""
    if stream is None or stream.time_base is None:
        return math.nan, math.nan
    zero = origin(container)
    start = max(float((stream.start_time or 0) * stream.time_base) - zero, 0.0)
    if stream.duration:
        return start, float(((stream.start_time or 0) + stream.duration) * stream.time_base) - zero
    tagged = _clock(stream.metadata.get("DURATION", ""))  # Matroska keeps each stream's end in a tag
    if tagged is not None:
        return start, tagged - zero
    if container.duration:
        return start, (container.duration + min(container.start_time or 0, 0)) / MICROSECONDS
    return start, math.inf


def _clock(text: str) -> float | None:
    """Seconds of `HH:MM:SS.fraction`, None when it is not one."""
    parts = text.split(":")
    if len(parts) != 3:
        return None
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds
