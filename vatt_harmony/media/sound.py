"""Decoded sound to float32 mono samples of one interval at one rate."""

import functools
import math
from dataclasses import dataclass, field

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

# A jump of the time stamps above this is a hole in the sound, below it the rounding of the container.
HOLE_SECONDS = 0.02
# Sound decoded on both sides of the interval, so that the resampler's filter sees real neighbours at its edges.
MARGIN_SECONDS = 0.02
_HALF_POWER = math.sqrt(0.5)
_STEREO_MEAN = {
    **dict.fromkeys(("FL", "FR"), 0.5),
    "FC": _HALF_POWER,
    **dict.fromkeys(("BL", "BR", "SL", "SR", "BC"), 0.5 * _HALF_POWER),
    "LFE": 0.0,
}


def is_silent(audio: Samples, threshold: float = 1e-4) -> bool:
    """Whether no sample of `[S]` is louder than the threshold (full scale is 1)."""
    return not bool((np.abs(audio) > threshold).any())


@dataclass(frozen=True)
class _Run:
    """Sound without a hole: mono pieces at the file's own rate, the first at `time` seconds."""

    time: float
    rate: int
    pieces: list[Samples] = field(default_factory=list)


class SoundSink:
    """Takes sound frames in order of time; gives the mono samples of [start, end) seconds at `rate` Hz.

    Frames are mixed to mono first and each run is resampled at once: a filter call per frame of 20 to 60 ms
    cost half the time of a small clip.
    """

    def __init__(self, start: float, end: float, rate: int) -> None:
        self.first: float | None = None
        self.end = 0.0
        self._start, self._stop, self._rate = start, end, rate
        self._runs: list[_Run] = []
        self._mix = _Mono()

    @property
    def full(self) -> bool:
        """Whether the sound reaches past the end of the interval."""
        return self.end >= self._stop + MARGIN_SECONDS

    def push(self, frame: av.AudioFrame, time: float) -> None:
        """Take the frame that begins at `time` (seconds)."""
        rate, samples = frame.sample_rate, frame.samples
        if self.first is None:
            self.first = time
        if self.full:
            return
        if time + samples / rate < self._start - MARGIN_SECONDS:
            self.end = time + samples / rate
            return
        if not self._runs or rate != self._runs[-1].rate or abs(time - self.end) > HOLE_SECONDS:
            self._runs.append(_Run(time, rate))
            self.end = time
        # Counting samples is exact, while stamps of whole milliseconds jitter.
        self.end += samples / rate
        self._runs[-1].pieces.append(self._mix(frame))

    def finish(self) -> Samples | None:
        """Samples `[round((end - start) * rate)]`, zero in holes; None when nothing came."""
        if not self._runs:
            return None
        samples = np.zeros(round((self._stop - self._start) * self._rate), np.float32)
        for run in self._runs:
            sound, place = resample(np.concatenate(run.pieces), run.rate, self._rate), run.time - self._start
            skipped = round(place * self._rate)
            sound, skipped = sound[max(-skipped, 0) :], max(skipped, 0)
            sound = sound[: max(len(samples) - skipped, 0)]
            samples[skipped : skipped + len(sound)] = sound
        return samples


def resample(mono: Samples, rate: int, wanted: int) -> Samples:
    """`[S]` at `rate` Hz to `[S']` at `wanted` Hz by libswresample; untouched where the rates are equal."""
    if rate == wanted:
        return mono
    frame = av.AudioFrame.from_ndarray(mono[None], "flt", "mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler("flt", "mono", wanted)
    return _joined([*resampler.resample(frame), *resampler.resample(None)])


class _Mono:
    """Frames of any format and layout to one channel, full scale at 1 (libav's own mix of two reaches 1.41)."""

    def __init__(self) -> None:
        self._packer: av.AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None

    def __call__(self, frame: av.AudioFrame) -> Samples:
        # Planes beyond the second are read packed: PyAV runs past the end of eight planes.
        name = frame.format.name
        if name in ("flt", "s16") or (name in ("fltp", "s16p") and frame.layout.nb_channels <= 2):
            return _mixed(frame)
        kind = (name, frame.layout.name, frame.sample_rate)
        if self._packer is None or kind != self._kind:
            self._packer, self._kind = av.AudioResampler("flt", frame.layout, frame.sample_rate), kind
        frame.pts = None
        return _joined(self._packer.resample(frame))


def _joined(frames: list[av.AudioFrame]) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *map(_mixed, frames)])


@functools.cache
def mono_gains(layout: str) -> tuple[float, ...]:
    """Gain of each channel of a layout: the mean of its stereo mix, scaled so that the gains add up to 1.

    ITU-R BS.775: centre and surrounds at 0.7071 (the centre on both sides), no low-frequency effects. Layouts with
    channels that it does not know are mixed in equal parts.
    """
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    gains = [_STEREO_MEAN.get(name, math.nan) for name in names]
    total = sum(gains)
    return tuple(gain / total for gain in gains) if total > 0 else (1 / len(names),) * len(names)


def _mixed(frame: av.AudioFrame) -> Samples:
    """A frame of 32-bit floats or 16-bit integers, packed or of at most two planes, to mono."""
    channels, samples = frame.layout.nb_channels, frame.samples
    kind, scale = (np.dtype(np.float32), 1.0) if frame.format.name.startswith("flt") else (np.dtype(np.int16), 2.0**-15)
    if frame.format.is_planar:
        data = [np.frombuffer(plane, kind, samples) for plane in frame.planes]
    else:
        packed = np.frombuffer(frame.planes[0], kind, samples * channels)
        data = [packed[channel::channels] for channel in range(channels)]
    gains = mono_gains(frame.layout.name)
    if len(set(gains)) == 1:  # mono and stereo, nearly always: without a product for each channel
        mono: Samples = data[0].astype(np.float32)
        for other in data[1:]:
            np.add(mono, other, out=mono)
        if scale != 1 or channels > 1:
            mono *= np.float32(scale / channels)
        return mono
    mixed = np.zeros(samples, np.float32)
    for channel, gain in zip(data, gains, strict=True):
        mixed += channel.astype(np.float32) * np.float32(gain * scale)
    return mixed
