"""Sound of one clip: any seconds of it, mono, at one rate, whether in a file or in memory."""

import contextlib
import math
from collections.abc import Iterator
from typing import Protocol

from vatt_harmony.finetune.items import MediaFile, Source
from vatt_harmony.finetune.pictures import SHORTEST
from vatt_harmony.media.decode import MediaReader, open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.sound import Samples

MOST_SECONDS = 600.0
"""Of a file that does not tell its length."""


class Sound(Protocol):
    """What can be cut from: a file held open, or samples in memory."""

    @property
    def seconds(self) -> float:
        """Length."""
        ...

    def cut(self, start: float, seconds: float) -> Samples:
        """`[S]`, at most `seconds` from `start` on, fewer where the clip ends. Raises MediaError."""
        ...


class FileSound:
    """Sound of an open media file between two seconds of it."""

    def __init__(self, media: MediaReader, rate: int, start: float, end: float | None) -> None:
        first, last = media.info.common
        self._media, self._rate = media, rate
        self._within = first + start, last if end is None else min(last, first + end)

    @property
    def seconds(self) -> float:
        length = self._within[1] - self._within[0]
        return length if math.isfinite(length) else MOST_SECONDS

    def cut(self, start: float, seconds: float) -> Samples:
        wanted = min(seconds, self.seconds)
        window = self._media.read_window(
            self._within[0] + start, 1, 1 / wanted, self._rate, min_seconds=SHORTEST, within=self._within
        )
        if window.audio is None:
            raise MediaError(window.reasons["audio"], "no sound decodes")
        # A file that ends before it says comes back in a loop: that is not the clip's own length.
        return window.audio if window.period is None else window.audio[: round(window.period * self._rate)]


class StoredSound:
    """Samples in memory, `[S]` at `rate` Hz."""

    def __init__(self, samples: Samples, rate: int) -> None:
        self.samples, self._rate = samples, rate

    @property
    def seconds(self) -> float:
        return len(self.samples) / self._rate

    def cut(self, start: float, seconds: float) -> Samples:
        first = round(start * self._rate)
        return self.samples[first : first + round(seconds * self._rate)]


@contextlib.contextmanager
def open_sound(source: Source, rate: int) -> Iterator[Sound]:
    """Open the sound of a source at `rate` Hz; raises MediaError where there is none."""
    if not isinstance(source, MediaFile):
        raise MediaError("no audio stream", f"{type(source).__name__} holds no sound")
    with open_media(source.path, blind=True) as media:
        yield FileSound(media, rate, source.start, source.end)
