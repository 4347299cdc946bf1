"""A picture for a sound that has none: a film of its log-mel spectrogram, a second a frame; and sounds altered."""

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from vatt_harmony.model.spectrogram import log_mel

Sound = NDArray[np.float32]
RATE = 16000
SIZE = 32
"""Rows (mel bins, high above) and columns (31 ms each) of a frame."""
MEL_RANGE = (60.0, 7600.0)
EQUALISER_DB, EQUALISER_POINTS = 5.0, 6
OCTAVES = 0.3
"""By which the pitch of an altered sound, and its speed with it, goes up or down at most."""
NOISE = 0.02


def film_of(sound: Sound) -> NDArray[np.uint8]:
    """`[S]` at 16 kHz, whole seconds -> frames `[S / 16000, 32, 32, 3]`, one a second."""
    mel = log_mel(torch.from_numpy(sound)[None], RATE, SIZE, MEL_RANGE, window=0.032, hop=1 / SIZE)[0]
    frames = (mel.reshape(-1, SIZE, SIZE).transpose(1, 2).flip(1) * 255).to(torch.uint8)
    film: NDArray[np.uint8] = frames[..., None].expand(*frames.shape, 3).numpy()
    return film


def altered(sound: Sound, generator: Generator) -> Sound:
    """Another sound like `[S]`: begun elsewhere, higher or lower, through an equaliser, with noise; peak 1."""
    count = len(sound)
    moved = np.roll(sound, generator.integers(count))
    speed = 2 ** generator.uniform(-OCTAVES, OCTAVES)
    turned = np.interp(np.arange(count) * speed % count, np.arange(count), moved)
    spectrum = np.fft.rfft(turned)
    gains = generator.normal(0, EQUALISER_DB, EQUALISER_POINTS)
    curve = np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, EQUALISER_POINTS), gains)
    heard = np.fft.irfft(spectrum * 10 ** (curve / 20), count)
    heard /= max(float(np.abs(heard).max()), 1e-4)
    return (heard + generator.random() * NOISE * generator.standard_normal(count)).astype(np.float32)
