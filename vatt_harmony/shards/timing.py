"""What a clip's streams really hold: everything decoded and measured, to hold against what was declared."""

import math
from dataclasses import dataclass

import av

from vatt_harmony.media.container import (
    MediaInfo,
    Source,
    describe,
    frames_of,
    open_container,
    origin,
    picture_stream,
    sound_stream,
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Decoded extents; times in seconds from the container's start, NaN for a stream that is absent or empty."""

    info: MediaInfo
    frames: int
    video_start: float
    video_end: float
    samples: int
    sample_rate: int
    """Of the decoded sound, Hz."""
    audio_start: float
    audio_end: float

    @property
    def seconds(self) -> float:
        """End of the longer stream, 0 when nothing decodes."""
        ends = [end for end in (self.video_end, self.audio_end) if not math.isnan(end)]
        return max(ends, default=0.0)

    def shortfalls(self) -> dict[str, float]:
        """Seconds by which each declared stream ends early; infinite where it does not decode at all."""
        pairs = {
            "picture": (self.info.has_video and not self.info.still, self.info.video_end, self.video_end),
            "sound": (self.info.has_audio, self.info.audio_end, self.audio_end),
        }
        return {
            name: math.inf if math.isnan(real) else declared - real
            for name, (there, declared, real) in pairs.items()
            if there and (math.isnan(real) or math.isfinite(declared))
        }


def measure(source: Source) -> Measured:
    """Decode a clip from end to end; raises MediaError("container open") if it is no media file."""
    frames = samples = rate = 0
    video_start = video_end = audio_start = audio_end = math.nan
    with open_container(source) as container:
        info, zero = describe(container), origin(container)
        streams = [s for s in (picture_stream(container), sound_stream(container)) if s is not None]
        step = 1 / info.fps if info.fps else 0.0
        for frame in frames_of(container, streams, 0.0):
            time = frame.time - zero if frame.time is not None else math.nan
            if isinstance(frame, av.VideoFrame):
                length = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else step
                frames += 1
                video_start, video_end = _joined(video_start, video_end, time, length)
            else:
                samples, rate = samples + frame.samples, frame.sample_rate
                audio_start, audio_end = _joined(audio_start, audio_end, time, frame.samples / frame.sample_rate)
    return Measured(
        info=info,
        frames=frames,
        video_start=video_start,
        video_end=video_end,
        samples=samples,
        sample_rate=rate,
        audio_start=audio_start,
        audio_end=audio_end,
    )


def _joined(start: float, end: float, time: float, length: float) -> tuple[float, float]:
    """Extend a stream's extent by one frame; a frame without a time stamp follows the one before."""
    if math.isnan(time):
        time = 0.0 if math.isnan(end) else end
    return (time, time + length) if math.isnan(start) else (min(start, time), max(end, time + length))
