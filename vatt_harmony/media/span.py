"""Which seconds of a clip a window shows: a stretch of it, or all of it in a loop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Span:
    """What to decode, and how a window is laid over it; times in seconds from the clip's start."""

    start: float
    end: float
    phase: float = 0.0
    """Where in the span the window begins; not zero only in a loop."""
    loops: bool = False

    def frame_times(self, frames: int, fps: float) -> NDArray[np.float64]:
        """Presentation times `[T]` of the window's frames."""
        offsets = self.phase + np.arange(frames) / fps
        return self.start + (offsets % (self.end - self.start) if self.loops else offsets)

    def lay(self, samples: NDArray[np.float32], count: int, rate: int) -> NDArray[np.float32]:
        """The window's `[count]` samples from the span's samples, looped with the period of the pictures."""
        if not self.loops:
            return samples
        return samples[(round(self.phase * rate) + np.arange(count)) % len(samples)]


def plan_span(common: tuple[float, float], start: float, seconds: float, rate: int) -> Span:
    """Lay a window of `seconds` at `start` over the interval in which all streams have data.

    A window that would leave the interval is moved inside; an interval shorter than the window is looped whole,
    its length rounded to whole samples so that picture and sound have exactly the same period.
    """
    first, last = common
    if last - first >= seconds:
        begin = min(max(start, first), last - seconds)
        return Span(start=begin, end=begin + seconds)
    period = max(int((last - first) * rate), 1) / rate
    return Span(start=first, end=first + period, phase=(start - first) % period, loops=True)
