"""One cut of a clip: where it lies in time and in the picture, and what chance does to it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.finetune.config import AudioConfig, Position, VideoConfig, ViewsConfig
from vatt_harmony.media.picture import Box
from vatt_harmony.media.sound import Samples
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.stream.transforms import add_noise, flip, inception_box, jitter_colour

_FIXED: dict[Position, float] = {"random": 0.5, "first": 0.0, "center": 0.5}


@dataclass(frozen=True, kw_only=True)
class View:
    """A training view (its chance named by `seed`, `epoch` and `key`) or one of the fixed views of a test."""

    key: str
    """Of the item."""
    training: bool = False
    seed: int = 0
    epoch: int = 0
    where: float | None = None
    """At test with several windows: share of the clip's free time before this one; the same for all modalities."""
    place: float = 0.5
    """At test with several crops: share of the longer side's free pixels before this one."""

    def chance(self, purpose: str) -> np.random.Generator:
        """A generator for one purpose, so that switching one off does not change another."""
        return keyed_generator(self.seed, "finetune", self.epoch if self.training else 0, self.key, purpose)

    def start(self, position: Position, length: float, seconds: float) -> float:
        """Second at which a window of `seconds` begins in a clip of `length`; one draw serves all modalities."""
        share = self.where if self.where is not None else _FIXED[position]
        if self.training and position == "random":
            share = float(self.chance("window").random())
        return share * (length - seconds) if seconds < length < float("inf") else 0.0


def fixed_views(key: str, views: ViewsConfig) -> list[View]:
    """The fixed cuts of one clip, windows outermost."""
    windows = [None] if views.clips == 1 else [i / (views.clips - 1) for i in range(views.clips)]
    places = [0.5] if views.crops == 1 else [i / (views.crops - 1) for i in range(views.crops)]
    return [View(key=key, where=where, place=place) for where in windows for place in places]


def crop_box(size: tuple[int, int], config: VideoConfig, view: View) -> Box:
    """The box (top, left, bottom, right as fractions) that is scaled to `config.shape`."""
    if view.training and config.crop == "random_resized":
        return inception_box(*size, config.crop_area, config.crop_aspect, view.chance("crop"))
    if not view.training and config.test_crop == "stretch":
        return 0.0, 0.0, 1.0, 1.0
    scale = min(size[0] / config.shape[0], size[1] / config.shape[1])
    rows, columns = config.shape[0] * scale / size[0], config.shape[1] * scale / size[1]
    top, left = view.place * (1 - rows), view.place * (1 - columns)
    return top, left, top + rows, left + columns


def augment_video(frames: NDArray[np.uint8], config: VideoConfig, view: View) -> NDArray[np.uint8]:
    """Mirror and colours of training frames `[T, H, W, 3]`, the same for all of them."""
    if not view.training:
        return frames
    mirrored = flip(frames, config.flip, view.chance("flip"))
    return jitter_colour(mirrored, config.colour, view.chance("colour"))


def augment_audio(samples: Samples, config: AudioConfig, view: View) -> Samples:
    """Samples `[S]` clipped to -1 to 1, then training noise, then the noise that belongs to the task."""
    sound = np.clip(samples, -1.0, 1.0)
    if view.training:
        sound = add_noise(sound, config.gain_noise, view.chance("noise"))
    if config.noise_db is None:
        return sound
    deviation = np.sqrt(np.mean(sound**2)) * 10 ** (-config.noise_db / 20)
    noise = view.chance("white").standard_normal(sound.shape, np.float32)
    return np.asarray(sound + deviation.astype(np.float32) * noise, np.float32)
