"""Evenly spaced windows of a clip, as a model or a protocol wants them."""

from dataclasses import dataclass

from vatt_harmony.media.decode import MediaReader, Window
from vatt_harmony.model.processor import VattProcessor
from vatt_harmony.stream.window import spaced_start


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One window: `frames` pictures of `size` x `size` pixels at `fps`, and the sound of the same seconds."""

    frames: int
    fps: float
    size: int
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.frames / self.fps

    @classmethod
    def of(cls, processor: VattProcessor) -> "Cut":
        """What the model was pretrained on."""
        return cls(frames=processor.frames, fps=processor.fps, size=processor.size, sample_rate=processor.sample_rate)


def cut_windows(media: MediaReader, cut: Cut, windows: int, within: tuple[float, float] | None = None) -> list[Window]:
    """`windows` windows spaced over the clip from its start to its end, the middle one if it is 1; centre squares.

    A clip no longer than a window gives one. `within` (start, end in seconds) cuts as if the clip held nothing else.
    Raises MediaError: "too short", "decode error".
    """
    first, last = media.info.common
    if within is not None:
        first, last = max(first, within[0]), min(last, within[1])
    count = windows if cut.seconds < last - first < float("inf") else 1
    return [
        media.read_window(
            spaced_start((first, last), cut.seconds, window, count),
            cut.frames,
            cut.fps,
            cut.sample_rate,
            height=cut.size,
            width=cut.size,
            within=within,
        )
        for window in range(count)
    ]
