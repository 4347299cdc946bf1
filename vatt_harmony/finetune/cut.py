"""Sources to the arrays an encoder's frontend takes, one modality and one view at a time."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.finetune.augment import View, augment_audio, augment_video, crop_box
from vatt_harmony.finetune.config import AudioConfig, InputsConfig, Modality, VideoConfig
from vatt_harmony.finetune.items import FeatureFile, Source, Text
from vatt_harmony.finetune.pictures import open_pictures
from vatt_harmony.finetune.sounds import open_sound
from vatt_harmony.finetune.store import ClipStore, frame_grid
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.sound import Samples

Array = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.int64]
Encode = Callable[[str], NDArray[np.int64]]
"""A sentence to token ids `[L]`, 0 where it ends."""


def cut_video(source: Source, config: VideoConfig, view: View, store: ClipStore | None) -> Array:
    """Frames uint8 `[T, H, W, 3]`, or vectors float32 `[T, D]` of a feature file. Raises MediaError."""
    if isinstance(source, FeatureFile):
        return _cut_features(source, config, view)
    opened = open_pictures(source, config.region) if store is None else store.pictures(source, config)
    with opened as pictures:
        held, fps = frame_grid(pictures, config)
        if pictures.seconds < float("inf") and held < config.min_frames:
            raise MediaError("too short", f"{held} frames at {fps:g} per second, {config.min_frames} are needed")
        start = view.start(config.position, pictures.seconds, config.frames / fps)
        frames = pictures.cut(start, config.frames, fps, config.shape, crop_box(pictures.size, config, view))
    return augment_video(frames, config, view)


def cut_audio(source: Source, config: AudioConfig, view: View, store: ClipStore | None) -> Samples:
    """Samples float32 `[S]`, a shorter clip repeated or followed by silence. Raises MediaError."""
    rate = config.sample_rate
    opened = open_sound(source, rate) if store is None else store.sound(source, rate)
    with opened as sound:
        samples = sound.cut(view.start(config.position, sound.seconds, config.seconds), config.seconds)
    if not len(samples):
        raise MediaError("too short", "not one sample of sound")
    if len(samples) < config.samples:
        samples = np.resize(samples, config.samples) if config.fit == "tile" else _padded(samples, config.samples)
    return augment_audio(samples[: config.samples], config, view)


def cut_text(source: Source, encode: Encode) -> NDArray[np.int64]:
    """Token ids int64 `[L]`. Raises MediaError where no word is left."""
    ids = encode(source.text) if isinstance(source, Text) else np.zeros(1, np.int64)
    if not ids.any():
        raise MediaError("no caption", "no word in the text")
    return ids


def blank(modality: Modality, inputs: InputsConfig) -> Array:
    """Zeros that stand for a missing modality."""
    if modality == "text":
        return np.zeros(inputs.text.words, np.int64)
    if modality == "audio":
        return np.zeros(inputs.audio.samples, np.float32)
    video = inputs.video
    if video.view == "features":
        return np.zeros((video.frames, video.width), np.float32)
    return np.zeros((video.frames, *video.shape, 3), np.uint8)


def _padded(samples: Samples, count: int) -> Samples:
    return np.pad(samples, (0, count - len(samples)))


def _cut_features(source: FeatureFile, config: VideoConfig, view: View) -> NDArray[np.float32]:
    vectors = np.load(source.path, allow_pickle=False)
    if vectors.ndim != 2 or not len(vectors) or vectors.shape[1] != config.width:
        raise MediaError("decode error", f"{source.path} holds {vectors.shape}, not vectors [T, {config.width}]")
    first = round(view.start(config.position, float(len(vectors)), float(config.frames)))
    return np.asarray(vectors[(first + np.arange(config.frames)) % len(vectors)], np.float32)
