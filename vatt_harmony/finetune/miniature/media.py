"""The few files that thousands of clips of a miniature share: moving squares with a tone, told apart by variant."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vatt_harmony.media.encode import encode_clip

VARIANTS = 2
"""Different files of a kind; clips of class c share variant c % VARIANTS."""


class SharedMedia:
    """Makes media files once, under `folder`, and links clips to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)

    def video(self, variant: int, size: tuple[int, int], fps: float, seconds: float, rate: int | None = None) -> Path:
        """A film of `size` (height, width); with sound at `rate` Hz, without where that is None."""
        path = self.folder / f"video_{size[0]}x{size[1]}_{fps:g}_{seconds:g}_{rate}_{variant % VARIANTS}.mp4"
        if not path.exists():
            sound = None if rate is None else _tone(variant, seconds, rate)
            encode_clip(path, video=_squares(variant, size, round(fps * seconds)), fps=fps, audio=sound,
                        sample_rate=rate or 16000)  # fmt: skip
        return path

    def sound(self, variant: int, seconds: float, rate: int) -> Path:
        """A 16-bit mono wav file."""
        path = self.folder / f"sound_{seconds:g}_{rate}_{variant % VARIANTS}.wav"
        if not path.exists():
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(rate)
                file.writeframes((_tone(variant, seconds, rate) * 32767).astype("<i2").tobytes())
        return path

    def pictures(self, variant: int, size: tuple[int, int], count: int) -> Path:
        """A folder of `count` pictures."""
        folder = self.folder / f"pictures_{size[0]}x{size[1]}_{count}_{variant % VARIANTS}"
        if not folder.exists():
            folder.mkdir()
            for index, frame in enumerate(_squares(variant, size, count)):
                Image.fromarray(frame).save(folder / f"{index:05d}.jpg")
        return folder

    def vectors(self, variant: int, count: int, width: int) -> Path:
        """Feature vectors `[count, width]`."""
        path = self.folder / f"vectors_{count}_{width}_{variant % VARIANTS}.npy"
        if not path.exists():
            noise = np.random.default_rng(variant % VARIANTS).standard_normal((count, width))
            np.save(path, noise.astype(np.float32))
        return path


def link(place: Path, target: Path) -> None:
    """Make `place`, and the folders it lies in, a link to a shared file or folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def _squares(variant: int, size: tuple[int, int], frames: int) -> NDArray[np.uint8]:
    """A square that drifts over a grey ground, `[T, H, W, 3]`; its colour is the variant's."""
    height, width = size
    video = np.full((frames, height, width, 3), 90, np.uint8)
    side = max(height // 3, 2)
    colour = np.random.default_rng(variant % VARIANTS).integers(0, 255, 3)
    for index, frame in enumerate(video):
        left = (index * 3) % max(width - side, 1)
        frame[height // 3 : height // 3 + side, left : left + side] = colour
    return video


def _tone(variant: int, seconds: float, rate: int) -> NDArray[np.float32]:
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * (1 + variant % VARIANTS) * time)).astype(np.float32)
