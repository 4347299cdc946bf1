"""The middle window of a labelled clip, and the evenly spaced ones it is tested on."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.downstream.probe_sets import Media, ShardClip
from vatt_harmony.downstream.windows import Cut
from vatt_harmony.finetune.pictures import FilePictures, Pictures, open_pictures
from vatt_harmony.finetune.sounds import FileSound, Sound, open_sound
from vatt_harmony.media.decode import open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.picture import Box
from vatt_harmony.shards.index import index_shard
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample, SampleError
from vatt_harmony.stream.window import spaced_start

Modality = Literal["video", "audio"]
_index = functools.lru_cache(maxsize=16)(index_shard)


def read_windows(source: Media, modality: Modality, cut: Cut, windows: int) -> list[NDArray[Any]]:
    """The middle window, then `windows` more, spaced from start to end; the one there is where a clip is no longer.

    Each is uint8 [T, H, W, 3], the centre square, or float32 [S] in [-1, 1]; a shorter clip is repeated.
    Raises MediaError where the modality cannot be read.
    """
    if modality == "video":
        with _pictures(source) as pictures:
            box, shape = _centre(*pictures.size), (cut.size, cut.size)
            starts = _starts(pictures.seconds, cut.seconds, windows)
            return [pictures.cut(start, cut.frames, cut.fps, shape, box) for start in starts]
    length = round(cut.seconds * cut.sample_rate)
    with _sound(source, cut.sample_rate) as sound:
        starts = _starts(sound.seconds, cut.seconds, windows)
        return [np.resize(sound.cut(start, cut.seconds), length) for start in starts]


def _starts(length: float, seconds: float, windows: int) -> list[float]:
    """Seconds at which the windows begin."""
    if not seconds < length < float("inf"):
        return [0.0]
    middle = spaced_start((0.0, length), seconds, 0, 1)
    return [middle, *(spaced_start((0.0, length), seconds, window, windows) for window in range(windows))]


def _centre(height: int, width: int) -> Box:
    """The largest square in the middle, as fractions (top, left, bottom, right)."""
    side = min(height, width)
    top, left = (1 - side / height) / 2, (1 - side / width) / 2
    return top, left, 1 - top, 1 - left


@contextlib.contextmanager
def _pictures(source: Media) -> Iterator[Pictures]:
    if not isinstance(source, ShardClip):
        with open_pictures(source) as pictures:
            yield pictures
        return
    sample = _sample(source)
    data = sample.video if sample.video is not None else sample.image
    if data is None:
        raise MediaError("no video stream", f"{sample.name} holds only sound")
    with open_media(data, mute=True) as media:
        yield FilePictures(media, 0.0, None)


@contextlib.contextmanager
def _sound(source: Media, rate: int) -> Iterator[Sound]:
    if not isinstance(source, ShardClip):
        with open_sound(source, rate) as sound:
            yield sound
        return
    sample = _sample(source)
    data = sample.audio if sample.audio is not None else sample.video
    if data is None:
        raise MediaError("no audio stream", f"{sample.name} holds only a picture")
    with open_media(data, blind=True) as media:
        yield FileSound(media, rate, 0.0, None)


def _sample(source: ShardClip) -> Sample:
    reader = ShardReader()  # one for each call: it is not thread-safe
    try:
        return reader.read(_index(source.shard), source.number)
    except SampleError as error:
        raise MediaError("container open", str(error)) from error
    finally:
        reader.close()
