"""Windows of picture and sound out of a media file, cut by presentation time, each file opened once."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

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
from vatt_harmony.media.errors import MediaError, Reason
from vatt_harmony.media.picture import Box, PictureScaler, PictureSink, upright_size
from vatt_harmony.media.sound import SoundSink
from vatt_harmony.media.span import Span, plan_span

# Seeking lands this much earlier: lossy sound needs decoded neighbours (80 ms for Opus) before it is right.
PREROLL_SECONDS = 0.1
# Declared ends may be a frame or a padded sound packet too late; only a larger shortfall moves the window.
END_TOLERANCE = 0.02


@dataclass(frozen=True, kw_only=True)
class Window:
    """One cut: `video` uint8 `[T, H, W, 3]`, `audio` float32 `[S]`, for the same seconds; None where missing."""

    video: NDArray[np.uint8] | None
    audio: NDArray[np.float32] | None
    start: float
    """Where the window begins, in seconds from the clip's start, after moving it inside the clip."""
    period: float | None
    """Seconds after which picture and sound repeat; None when the clip fills the window."""
    reasons: dict[str, Reason]
    """Why a modality is None: "video" or "audio" to the ledger's reason."""


class MediaReader:
    """A clip held open: its facts, then any number of windows. Made by `open_media`."""

    def __init__(
        self, clip: InputContainer, sound: InputContainer | None, *, mute: bool = False, blind: bool = False
    ) -> None:
        self._clip, self._sound = clip, sound
        self.info = _joined(describe(clip), describe(sound)) if sound is not None else describe(clip)
        if mute:
            self.info = _muted(self.info)
        if blind:
            self.info = _blinded(self.info)

    def upright_size(self) -> tuple[int, int]:
        """Height and width as shown, (0, 0) without picture; decodes one frame, since only frames know if they lie."""
        video = picture_stream(self._clip)
        frames = frames_of(self._clip, [video], 0.0) if video is not None else iter(())
        return next((upright_size(frame) for frame in frames if isinstance(frame, av.VideoFrame)), (0, 0))

    def read_window(
        self,
        start: float,
        frames: int,
        fps: float,
        sample_rate: int,
        *,
        height: int = 224,
        width: int = 224,
        box: Box | None = None,
        min_seconds: float = 0.5,
        within: tuple[float, float] | None = None,
    ) -> Window:
        """Cut `frames` pictures at `fps` and the sound of the same seconds, beginning `start` seconds into the clip.

        Frame k is the last one shown at `start + k / fps`. `box` (y0, x0, y1, x1 as fractions) is scaled to height x
        width; without it the largest centred area of that aspect is. A clip shorter than the window loops.
        `within` (start, end in seconds) cuts as if the clip held nothing else.
        Raises MediaError: "too short" (common interval below `min_seconds`), "decode error" (nothing decodes).
        """
        seconds, common = frames / fps, self.info.common
        if within is not None:
            common = max(common[0], within[0]), min(common[1], within[1])
        scaler = PictureScaler(height, width, box)
        for _ in range(3):
            if common[1] - common[0] < min_seconds:
                raise MediaError("too short", f"{common[1] - common[0]:.3f} s hold all streams, {min_seconds} s needed")
            span = plan_span(common, start, seconds, sample_rate)
            pictures, sound = self._sinks(span, frames, fps, sample_rate, scaler)
            self._decode(max(span.start - PREROLL_SECONDS, 0.0), pictures, sound)
            if _missed_start(span, pictures, sound):  # an unindexed file: the seek landed too late
                pictures, sound = self._sinks(span, frames, fps, sample_rate, scaler)
                self._decode(0.0, pictures, sound)
            end = _measured_end(None if self.info.still else pictures, sound)
            if end >= span.end - END_TOLERANCE:
                break
            common = common[0], end  # the file ends before it says: lay the window again
        return _window(span, pictures, sound, round(seconds * sample_rate), sample_rate)

    def _sinks(
        self, span: Span, frames: int, fps: float, rate: int, scaler: PictureScaler
    ) -> tuple[PictureSink | None, SoundSink | None]:
        pictures = PictureSink(span.frame_times(frames, fps), scaler) if self.info.has_video else None
        sound = SoundSink(span.start, span.end, rate) if self.info.has_audio else None
        return pictures, sound

    def _decode(self, start: float, pictures: PictureSink | None, sound: SoundSink | None) -> None:
        if self._sound is not None:
            _fill(self._clip, 0.0 if self.info.still else start, pictures, None)
            _fill(self._sound, start, None, sound)
        else:
            _fill(self._clip, 0.0 if self.info.still else start, pictures, sound)


@contextlib.contextmanager
def open_media(
    source: Source, sound: Source | None = None, mute: bool = False, blind: bool = False
) -> Iterator[MediaReader]:
    """Open a clip and, if given, the file that holds its sound instead; raises MediaError("container open").

    `mute` reads it as if it had no sound, `blind` as if it had no picture, which spares the decoding; raises MediaError
    where there is nothing else.
    """
    with contextlib.ExitStack() as stack:
        clip = stack.enter_context(open_container(source))
        yield MediaReader(
            clip, stack.enter_context(open_container(sound)) if sound is not None else None, mute=mute, blind=blind
        )


def probe(source: Source, sound: Source | None = None) -> MediaInfo:
    """The declared facts of a clip, without decoding; raises MediaError."""
    with open_media(source, sound) as media:
        return media.info


def read_window(
    source: Source,
    start: float,
    frames: int,
    fps: float,
    sample_rate: int,
    sound: Source | None = None,
    *,
    size: int = 224,
    box: Box | None = None,
    min_seconds: float = 0.5,
) -> Window:
    """One square window of a file: `open_media` and `MediaReader.read_window` in one call."""
    with open_media(source, sound) as media:
        return media.read_window(
            start, frames, fps, sample_rate, height=size, width=size, box=box, min_seconds=min_seconds
        )


def _joined(clip: MediaInfo, sound: MediaInfo) -> MediaInfo:
    """Facts of a clip whose sound comes from a second file."""
    if not sound.has_audio:
        raise MediaError("no audio stream", "the sound file has none")
    return replace(
        clip,
        has_audio=True,
        sample_rate=sound.sample_rate,
        audio_start=sound.audio_start,
        audio_end=sound.audio_end,
    )


def _muted(info: MediaInfo) -> MediaInfo:
    if not info.has_video:
        raise MediaError("no video stream", "the file holds only sound")
    return replace(info, has_audio=False, sample_rate=0, audio_start=math.nan, audio_end=math.nan)


def _blinded(info: MediaInfo) -> MediaInfo:
    if not info.has_audio:
        raise MediaError("no audio stream", "the file holds only pictures")
    return replace(
        info, has_video=False, fps=0.0, height=0, width=0, video_start=math.nan, video_end=math.nan, still=False
    )


def _fill(container: InputContainer, start: float, pictures: PictureSink | None, sound: SoundSink | None) -> None:
    """Decode from `start` until both sinks are full or the file ends."""
    video, audio = picture_stream(container), sound_stream(container)
    streams: list[VideoStream | AudioStream] = []
    if pictures is not None and video is not None:
        streams.append(video)
    if sound is not None and audio is not None:
        streams.append(audio)
    zero = origin(container)
    step = float(1 / video.average_rate) if video is not None and video.average_rate else 0.0
    tick = float(video.time_base or 0) if video is not None else 0.0

    def wanted(packet: av.Packet) -> bool:
        # Sound before the window is decoded too: AAC's noise depends on what its decoder has seen.
        sink = pictures if video is not None and packet.stream_index == video.index else sound
        return sink is not None and not sink.full

    for frame in frames_of(container, streams, start, wanted):
        time = frame.time
        if pictures is not None and isinstance(frame, av.VideoFrame):
            time = time - zero if time is not None else pictures.end
            pictures.push(frame, time, frame.duration * tick or step)
        elif sound is not None and isinstance(frame, av.AudioFrame):
            sound.push(frame, time - zero if time is not None else sound.end)
        if (pictures is None or pictures.full) and (sound is None or sound.full):
            return


def _missed_start(span: Span, pictures: PictureSink | None, sound: SoundSink | None) -> bool:
    firsts = [sink.first for sink in (pictures, sound) if sink is not None and sink.first is not None]
    return span.start > PREROLL_SECONDS and max(firsts, default=0.0) > span.start + END_TOLERANCE


def _measured_end(pictures: PictureSink | None, sound: SoundSink | None) -> float:
    """The second at which the first stream ran out of data; infinite when the window was filled."""
    sinks = [sink for sink in (pictures, sound) if sink is not None]
    return min((sink.end for sink in sinks if sink.first is not None and not sink.full), default=math.inf)


def _window(span: Span, pictures: PictureSink | None, sound: SoundSink | None, samples: int, rate: int) -> Window:
    video = pictures.finish() if pictures is not None else None
    audio = sound.finish() if sound is not None else None
    reasons: dict[str, Reason] = {}
    if video is None:
        reasons["video"] = "decode error" if pictures is not None else "no video stream"
    if audio is None:
        reasons["audio"] = "decode error" if sound is not None else "no audio stream"
    if video is None and audio is None:
        raise MediaError("decode error", f"nothing decodes between {span.start:.3f} and {span.end:.3f} s")
    return Window(
        video=video,
        audio=None if audio is None else span.lay(audio, samples, rate),
        start=span.start + span.phase,
        period=span.end - span.start if span.loops else None,
        reasons=reasons,
    )
