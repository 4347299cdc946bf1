"""The windows of an encoder's length that show one clip of a film."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vatt_harmony.media.decode import MediaReader, Window, open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.sound import is_silent
from vatt_harmony.model.processor import VattProcessor
from vatt_harmony.stream.window import spaced_start

Short = Literal["loop", "stretch", "context"]
MOST = 4
"""Windows of a clip that is longer than one."""
SHORTEST = 1e-3
"""Seconds of the shortest clip: a single frame is one."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What an encoder is shown of one clip: W windows."""

    video: NDArray[np.uint8]
    """`[W, T, H, W, 3]`."""
    audio: NDArray[np.float32] | None
    """`[W, S]`; None when the sound was not asked for, is missing, or is silent."""


def read_cuts(
    path: Path, spans: ArrayLike, processor: VattProcessor, *, sound: bool = False, short: Short = "loop"
) -> Iterator[Cut | MediaError]:
    """The windows of each clip `spans` [N, 2] (seconds) of a film, or why there are none, in order.

    A clip longer than the encoder's window gives up to 4 evenly spaced ones. A shorter one is repeated (`loop`), shown
    slower (`stretch`; its sound still loops, since slower sound is lower), or shown with its surroundings (`context`).
    Raises MediaError when the file cannot be opened or holds no picture.
    """
    with open_media(path, mute=not sound) as reader:
        if not reader.info.has_video:
            raise MediaError("no video stream", str(path))
        for start, end in np.asarray(spans, dtype=np.float64).reshape(-1, 2).tolist():
            try:
                yield _cut(reader, start, end, processor, short)
            except MediaError as error:
                yield error


def every_cut(cuts: Iterable[Cut | MediaError]) -> Iterator[Cut]:
    """The windows, of clips that must all have them; raises the first MediaError."""
    for cut in cuts:
        if isinstance(cut, MediaError):
            raise cut
        yield cut


def _cut(reader: MediaReader, start: float, end: float, processor: VattProcessor, short: Short) -> Cut:
    seconds = processor.frames / processor.fps
    if end - start >= seconds:
        count = min(MOST, math.ceil((end - start) / seconds - 1e-6))
        starts = [spaced_start((start, end), seconds, window, count) for window in range(count)]
        windows = [_window(reader, at, processor, processor.fps, (start, end)) for at in starts]
    elif short == "context":
        windows = [_window(reader, (start + end - seconds) / 2, processor, processor.fps, None)]
    else:
        fps = processor.frames / max(end - start, SHORTEST) if short == "stretch" else processor.fps
        windows = [_window(reader, start, processor, fps, (start, end))]
    pictures = [window.video for window in windows if window.video is not None]
    if not pictures:
        raise MediaError("decode error", f"no picture between {start:.3f} and {end:.3f} s")
    sounds = [_looped(window.audio, processor.samples) for window in windows if window.audio is not None]
    heard = [sound for sound in sounds if not is_silent(sound)]
    return Cut(video=np.stack(pictures), audio=np.stack(heard) if heard else None)


def _window(
    reader: MediaReader, start: float, processor: VattProcessor, fps: float, within: tuple[float, float] | None
) -> Window:
    size = processor.size
    return reader.read_window(
        start,
        processor.frames,
        fps,
        processor.sample_rate,
        height=size,
        width=size,
        min_seconds=SHORTEST,
        within=within,
    )


def _looped(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    return np.resize(sound, samples)
