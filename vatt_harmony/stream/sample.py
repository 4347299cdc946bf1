"""One stored sample to arrays: cut, transformed, and told what is missing."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.media.decode import MediaReader, Window, open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.picture import Box
from vatt_harmony.media.sound import is_silent
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.shards.sample import Sample
from vatt_harmony.stream import transforms
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.window import choose_candidates, random_start, spaced_start

Video = NDArray[np.uint8]
Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """One row of a batch before it is stacked; None is a modality that is missing."""

    key: str
    video: Video | None
    """`[T, H, W, 3]`."""
    audio: Audio | None
    """`[S]`."""
    sentences: list[str]
    """At most K candidates, the window's own first."""
    masked: tuple[str, ...]
    """Reasons for which a modality was masked that ought to have been there."""


def training_example(sample: Sample, key: str, config: StreamConfig, seed: int) -> Example:
    """A random window of a sample with random crop, mirror, colour and noise, all from the sample's seed.

    Raises MediaError when nothing of the sample can be used.
    """
    with _open(sample) as media:
        info = media.info
        start = random_start(info.common, config.seconds, keyed_generator(seed, "window"))
        box = None
        if info.has_video:
            box = transforms.crop_box(info.height, info.width, config, keyed_generator(seed, "crop"))
        cut = _cut(media, start, config, box)
    video, audio, masked = _usable(cut, config)
    if video is not None:
        video = transforms.flip(video, config.flip, keyed_generator(seed, "flip"))
        video = transforms.jitter_colour(video, config.colour, keyed_generator(seed, "colour"))
    if audio is not None:
        audio = transforms.add_noise(audio, config.noise, keyed_generator(seed, "noise"))
    return Example(key, video, audio, _candidates(sample, cut.start, config, seed), masked)


def evaluation_example(sample: Sample, key: str, config: StreamConfig, seed: int, window: int, windows: int) -> Example:
    """Window number `window` of `windows` spaced over a sample, its centre square, without noise.

    Raises MediaError when nothing of the sample can be used.
    """
    with _open(sample) as media:
        start = spaced_start(media.info.common, config.seconds, window, windows)
        cut = _cut(media, start, config, None)
    video, audio, masked = _usable(cut, config)
    return Example(key, video, audio, _candidates(sample, cut.start, config, seed), masked)


def _open(sample: Sample) -> AbstractContextManager[MediaReader]:
    picture = sample.video if sample.video is not None else sample.image
    if picture is not None:
        return open_media(picture, sample.audio)
    if sample.audio is None:
        raise MediaError("container open", "the sample holds neither picture nor sound")
    return open_media(sample.audio)


def _cut(media: MediaReader, start: float, config: StreamConfig, box: Box | None) -> Window:
    return media.read_window(
        start,
        config.frames,
        config.fps,
        config.sample_rate,
        height=config.size,
        width=config.size,
        box=box,
        min_seconds=config.min_seconds,
    )


def _usable(cut: Window, config: StreamConfig) -> tuple[Video | None, Audio | None, tuple[str, ...]]:
    """Picture and sound, silence removed, and the reasons for what is masked though its stream is there."""
    masked: list[str] = [reason for reason in cut.reasons.values() if reason == "decode error"]
    audio = cut.audio
    if audio is not None and is_silent(audio, config.silence):
        if cut.video is None:
            raise MediaError("silent audio", "the sample has nothing but silence")
        masked.append("silent audio")
        audio = None
    return cut.video, audio, tuple(masked)


def _candidates(sample: Sample, start: float, config: StreamConfig, seed: int) -> list[str]:
    generator = keyed_generator(seed, "candidates")
    return choose_candidates(sample.captions, start, start + config.seconds, config.candidates, generator)
