"""The sound of a demo clip: every visible attribute can be heard, and one more that cannot be seen."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.media.demo_attributes import COLOURS, Attributes

Samples = NDArray[np.float32]
Wave = NDArray[np.floating]

PITCH = {"large": 110.0, "small": 660.0}
"""Hz of the lowest note of a size's octave; the colour picks the note."""
PULSES = 8.0
"""Beats a second of a pulsing tone."""


def play_clip(attributes: Attributes, samples: int, rate: int, generator: np.random.Generator) -> Samples:
    """Mono sound `[S]` in [-1, 1]: size and colour set the pitch, form the timbre, motion how it develops."""
    progress = np.linspace(0.0, 1.0, samples, endpoint=False, dtype=np.float32)
    seconds = samples / rate
    glide, loudness = _course(attributes.motion, progress, seconds)
    octaves = COLOURS.index(attributes.colour) / len(COLOURS) + generator.normal(0.0, 0.01)
    pitch = PITCH[attributes.size] * 2.0 ** (octaves + glide)
    phase = np.cumsum(pitch / rate, dtype=np.float64) + generator.random()
    wave = _timbre(attributes.form, (phase % 1.0).astype(np.float32), generator)
    if attributes.sound == "pulsing":
        loudness = loudness * (((progress * seconds * PULSES + generator.random()) % 1.0) < 0.5)
    # Partly rectified, as plucked and blown sounds are: the loudness then shows in the mean of a few samples.
    shaped = loudness * (0.6 * wave + 0.4 * np.abs(wave))
    level = generator.uniform(0.7, 0.9)
    return (level * shaped).astype(np.float32) + np.float32(0.005) * _noise(samples, generator)


def spoil_sound(sound: Samples, generator: np.random.Generator) -> Samples:
    """The same sound, faint under white noise."""
    noisy = np.float32(0.35) * sound + np.float32(0.12) * _noise(len(sound), generator)
    return np.clip(noisy, np.float32(-1), np.float32(1))


def _noise(samples: int, generator: np.random.Generator) -> Samples:
    return generator.standard_normal(samples, np.float32)


def _course(motion: str, progress: Wave, seconds: float) -> tuple[Wave, Wave]:
    """Change of pitch in octaves, and loudness from 0 to 1, over the clip."""
    level, loud = np.zeros_like(progress), np.ones_like(progress)
    match motion:
        case "up":
            return progress - 0.5, loud
        case "down":
            return 0.5 - progress, loud
        case "grow":
            return level, 0.1 + 0.9 * progress
        case "shrink":
            return level, 1.0 - 0.9 * progress
    # Knocks that come faster and faster, or slower and slower.
    course = progress if motion == "right" else 1 - progress
    knocks = (course * (0.5 + course) * seconds * 1.5) % 1.0
    return level, np.exp(-4 * (knocks if motion == "right" else 1 - knocks)).astype(np.float32)


def _timbre(form: str, phase: Wave, generator: np.random.Generator) -> Wave:
    """One sample of the form's wave for each phase in [0, 1)."""
    sine = np.sin(2 * np.pi * phase)
    wave: Wave
    match form:
        case "circle":
            wave = sine
        case "square":
            wave = np.where(phase < 0.5, 0.7, -0.7)
        case "triangle":
            wave = 2 * phase - 1
        case "cross":
            wave = 0.5 * (sine + np.sin(6 * np.pi * phase))
        case "ring":
            wave = np.where(phase < 0.12, 1.0, -0.1)
        case _:
            wave = 0.5 * sine + 0.3 * _noise(len(phase), generator)
    return wave
