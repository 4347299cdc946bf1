"""Clips decoded once: all their frames, scaled, and all their sound, kept in memory for the next epoch or run."""

import contextlib
from collections.abc import Iterator

from vatt_harmony.finetune.config import VideoConfig
from vatt_harmony.finetune.items import Source
from vatt_harmony.finetune.pictures import Pictures, StoredPictures, open_pictures
from vatt_harmony.finetune.sounds import Sound, StoredSound, open_sound

MARGIN = 8 / 7
"""Stored frames are this much larger than the encoder's where training crops at random (256 for 224)."""


class ClipStore:
    """Decoded clips by source and settings; one store may serve any number of runs, folds and seeds."""

    def __init__(self) -> None:
        self._pictures: dict[tuple[object, ...], StoredPictures] = {}
        self._sounds: dict[tuple[object, ...], StoredSound] = {}

    @contextlib.contextmanager
    def pictures(self, source: Source, config: VideoConfig) -> Iterator[Pictures]:
        """Like `open_pictures`; frames are those at `config.fps`, as large as `config` needs them."""
        random = config.crop == "random_resized"
        key = (source, config.fps, config.fps or config.frames, config.shape, config.region, random)
        if key not in self._pictures:
            with open_pictures(source, config.region) as pictures:
                self._pictures[key] = _all_frames(pictures, config, MARGIN if random else 1.0)
        yield self._pictures[key]

    @contextlib.contextmanager
    def sound(self, source: Source, rate: int) -> Iterator[Sound]:
        """Like `open_sound`."""
        key = (source, rate)
        if key not in self._sounds:
            with open_sound(source, rate) as sound:
                self._sounds[key] = StoredSound(sound.cut(0.0, sound.seconds), rate)
        yield self._sounds[key]

    @property
    def bytes(self) -> int:
        """Memory the clips take."""
        frames = sum(stored.frames.nbytes for stored in self._pictures.values())
        return frames + sum(stored.samples.nbytes for stored in self._sounds.values())


def _all_frames(pictures: Pictures, config: VideoConfig, margin: float) -> StoredPictures:
    height, width = pictures.size
    scale = min(margin * max(config.shape[0] / height, config.shape[1] / width), 1.0)
    shape = max(round(height * scale), 1), max(round(width * scale), 1)
    count, fps = frame_grid(pictures, config)
    return StoredPictures(pictures.cut(0.0, count, fps, shape, (0.0, 0.0, 1.0, 1.0)), fps)


def frame_grid(pictures: Pictures, config: VideoConfig) -> tuple[int, float]:
    """How many frames the whole clip holds, and at what rate; one of a still picture."""
    if pictures.seconds == float("inf"):
        return 1, config.fps or 1.0
    if config.fps is None:
        return config.frames, config.frames / pictures.seconds
    return max(int(pictures.seconds * config.fps + 1e-6), 1), config.fps
