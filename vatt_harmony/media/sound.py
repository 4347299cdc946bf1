"""Decoded sound to float32 mono samples of one interval at one rate."""

import av
import numpy as np
from numpy.typing import NDArray

# A jump of the time stamps above this is a hole in the sound, below it the rounding of the container.
HOLE_SECONDS = 0.02
# Sound decoded on both sides of the interval, so that the resampler's filter sees real neighbours at its edges.
MARGIN_SECONDS = 0.02


def is_silent(audio: NDArray[np.float32], threshold: float = 1e-4) -> bool:
    """Whether no sample of `[S]` is louder than the threshold (full scale is 1)."""
    return not bool((np.abs(audio) > threshold).any())


class SoundSink:
    """Takes sound frames in order of time; gives the mono samples of [start, end) seconds at `rate` Hz."""

    def __init__(self, start: float, end: float, rate: int) -> None:
        self.first: float | None = None
        self.end = 0.0
        self._start, self._stop, self._rate = start, end, rate
        self._runs: list[tuple[float, list[NDArray[np.float32]]]] = []
        self._resampler: av.AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None

    @property
    def full(self) -> bool:
        """Whether the sound reaches past the end of the interval."""
        return self.end >= self._stop + MARGIN_SECONDS

    def push(self, frame: av.AudioFrame, time: float) -> None:
        """Take the frame that begins at `time` (seconds)."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        frame_end = time + frame.samples / frame.sample_rate
        if self.first is None:
            self.first = time
        if self.full:
            return
        if frame_end < self._start - MARGIN_SECONDS:
            self.end = frame_end
            return
        if self._resampler is None or kind != self._kind or abs(time - self.end) > HOLE_SECONDS:
            self._flush()
            self._resampler = av.AudioResampler("flt", frame.layout, self._rate)
            self._kind = kind
            self._runs.append((time, []))
            self.end = time
        # Counting samples is exact, while stamps of whole milliseconds jitter.
        self.end += frame.samples / frame.sample_rate
        frame.pts = None
        self._keep(self._resampler.resample(frame))

    def finish(self) -> NDArray[np.float32] | None:
        """Samples `[round((end - start) * rate)]`, zero in holes; None when nothing came."""
        self._flush()
        if not self._runs:
            return None
        samples = np.zeros(round((self._stop - self._start) * self._rate), np.float32)
        for time, pieces in self._runs:
            run = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
            place = round((time - self._start) * self._rate)
            run, place = run[max(-place, 0) :], max(place, 0)
            run = run[: max(len(samples) - place, 0)]
            samples[place : place + len(run)] = run
        return samples

    def _flush(self) -> None:
        if self._resampler is not None:
            self._keep(self._resampler.resample(None))
            self._resampler = None

    def _keep(self, frames: list[av.AudioFrame]) -> None:
        # The plain mean keeps full scale at 1 (libav's own mix of two channels reaches 1.41) and knows any layout.
        for frame in frames:
            interleaved = frame.to_ndarray().reshape(frame.samples, -1)
            self._runs[-1][1].append(interleaved.mean(axis=1, dtype=np.float32))
