"""Pictures of one clip, wherever they lie: any frames of it, cropped and scaled."""

import contextlib
import functools
import gzip
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vatt_harmony.finetune.items import FrameFolder, IdxImage, MediaFile, Source
from vatt_harmony.media.decode import MediaReader, open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.picture import Box, PictureScaler

Frames = NDArray[np.uint8]
SHORTEST = 0.02
"""Seconds a stream must hold; a spoken digit may take an eighth of a second."""
_ANY_RATE = 48000  # only the rounding of a looped clip's length depends on it


class Pictures(Protocol):
    """What can be cut from: a file held open, or frames in memory."""

    @property
    def seconds(self) -> float:
        """Length; infinite for a still picture."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width as shown, pixels."""
        ...

    def cut(self, start: float, frames: int, fps: float, shape: tuple[int, int], box: Box) -> Frames:
        """`[T, H, W, 3]`: frame k is the one shown at `start + k / fps`; a shorter clip loops. Raises MediaError."""
        ...


class FilePictures:
    """Pictures of an open media file between two seconds of it."""

    def __init__(self, media: MediaReader, start: float, end: float | None) -> None:
        first, last = media.info.common
        self._media, self._within = media, (first + start, last if end is None else min(last, first + end))

    @property
    def seconds(self) -> float:
        return self._within[1] - self._within[0]

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        return self._media.upright_size()

    def cut(self, start: float, frames: int, fps: float, shape: tuple[int, int], box: Box) -> Frames:
        window = self._media.read_window(
            self._within[0] + start,
            frames,
            fps,
            _ANY_RATE,
            height=shape[0],
            width=shape[1],
            box=box,
            min_seconds=SHORTEST,
            within=self._within,
        )
        if window.video is None:
            raise MediaError(window.reasons["video"], "no picture decodes")
        return window.video


class StoredPictures:
    """Frames in memory, `[N, H, W, 3]` at `fps`; one alone is a still picture."""

    def __init__(self, frames: Frames, fps: float) -> None:
        self.frames, self._fps = frames, fps

    @property
    def seconds(self) -> float:
        return len(self.frames) / self._fps if len(self.frames) > 1 else math.inf

    @property
    def size(self) -> tuple[int, int]:
        return self.frames.shape[1], self.frames.shape[2]

    def cut(self, start: float, frames: int, fps: float, shape: tuple[int, int], box: Box) -> Frames:
        # The small addition keeps frame 3 at 30 per second from being called 2.999.
        chosen = np.floor((start + np.arange(frames) / fps) * self._fps + 1e-6).astype(int) % len(self.frames)
        if box == (0.0, 0.0, 1.0, 1.0) and shape == self.size:
            kept: Frames = self.frames[chosen]
            return kept
        scaler = PictureScaler(*shape, box)
        needed, place = np.unique(chosen, return_inverse=True)
        scaled = [scaler(av.VideoFrame.from_ndarray(self.frames[i], format="rgb24")).copy() for i in needed]
        return np.stack(scaled)[place]


class RegionOf:
    """A part of other pictures, given as fractions (top, left, bottom, right), as if there were nothing else."""

    def __init__(self, pictures: Pictures, region: Box) -> None:
        self._pictures, self._region = pictures, region

    @property
    def seconds(self) -> float:
        return self._pictures.seconds

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        (height, width), (top, left, bottom, right) = self._pictures.size, self._region
        return max(round((bottom - top) * height), 1), max(round((right - left) * width), 1)

    def cut(self, start: float, frames: int, fps: float, shape: tuple[int, int], box: Box) -> Frames:
        top, left, bottom, right = self._region
        rows, columns = bottom - top, right - left
        inside = top + box[0] * rows, left + box[1] * columns, top + box[2] * rows, left + box[3] * columns
        return self._pictures.cut(start, frames, fps, shape, inside)


@contextlib.contextmanager
def open_pictures(source: Source, region: Box | None = None) -> Iterator[Pictures]:
    """Open the pictures of a source, or a part of each; raises MediaError where there are none."""
    with contextlib.ExitStack() as stack:
        pictures = _opened(source, stack)
        yield pictures if region is None else RegionOf(pictures, region)


def _opened(source: Source, stack: contextlib.ExitStack) -> Pictures:
    match source:
        case MediaFile(path, start, end):
            return FilePictures(stack.enter_context(open_media(path, mute=True)), start, end)
        case FrameFolder(path, fps):
            return StoredPictures(_folder(path), fps)
        case IdxImage(path, index):
            image = _idx_images(path)[index]
            return StoredPictures(np.repeat(image[None, :, :, None], 3, axis=3), 1.0)
        case _:
            raise MediaError("no video stream", f"{type(source).__name__} holds no pictures")


def _folder(path: Path) -> Frames:
    """All pictures of a folder; those of another size than the first are scaled to it."""
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    if not files:
        raise MediaError("no video stream", f"{path} holds no picture")
    with Image.open(files[0]) as first:
        size = first.size
    frames = []
    for file in files:
        with Image.open(file) as image:
            frames.append(np.asarray(image.convert("RGB").resize(size) if image.size != size else image.convert("RGB")))
    return np.stack(frames)


@functools.lru_cache(maxsize=8)
def _idx_images(path: Path) -> NDArray[np.uint8]:
    """`[N, H, W]` of an idx file of bytes (the MNIST format)."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if data[:4] != b"\x00\x00\x08\x03":
        raise MediaError("container open", f"{path} is not an idx file of three-dimensional bytes")
    count, height, width = np.frombuffer(data, ">u4", 3, 4)
    return np.frombuffer(data, np.uint8, offset=16).reshape(int(count), int(height), int(width))
