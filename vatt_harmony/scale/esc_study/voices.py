"""Sounds without recordings: voices of noise and tones with rhythms, drawn at random.

A voice can be played again and again: every time other events and other noise, the same character. Two performances of
a voice are a pair to learn from (the idea: Cherep and Singh, "Contrastive Learning from Synthetic Audio Doppelgängers",
arXiv 2406.05923).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Wave = NDArray[np.float64]
MOST_LAYERS = 3
LOWEST, HIGHEST = 80.0, 7000.0
"""Centre frequencies, Hz."""
FLOOR_DB = (-70.0, -25.0)
"""Level of the noise behind all layers, below the peak of the sound."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One part of a voice. Frequencies in Hz, times in seconds, levels as factors."""

    pitch: float
    """Centre of the noise, fundamental of the tone."""
    octaves: float
    """Width of the noise's spectrum."""
    tone: float
    """Share of the tone, 0 to 1; the rest is noise."""
    slope: float
    """Each harmonic is (its number) ** -slope as strong as the fundamental."""
    glide: float
    """Octaves a second by which the pitch moves after every event."""
    vibrato: float
    """Octaves."""
    rate: float
    """Events a second; 0: none, the layer sounds throughout."""
    regular: float
    """1: like a clock; 0: at any time."""
    attack: float
    decay: float
    level: float


def draw_voice(generator: Generator) -> list[Layer]:
    """The layers of a voice."""
    return [_draw_layer(generator) for _ in range(generator.integers(1, MOST_LAYERS + 1))]


def _draw_layer(generator: Generator) -> Layer:
    def between(low: float, high: float) -> float:
        return float(np.exp(generator.uniform(np.log(low), np.log(high))))

    return Layer(
        pitch=between(LOWEST, HIGHEST),
        octaves=between(0.1, 4.0),
        tone=float(generator.choice([0.0, 1.0, generator.random()])),
        slope=float(generator.uniform(0.3, 2.5)),
        glide=float(generator.choice([0.0, generator.normal()])),
        vibrato=float(generator.choice([0.0, 0.1 * generator.random()])),
        rate=float(generator.choice([0.0, between(0.2, 25.0)], p=[0.3, 0.7])),
        regular=float(generator.choice([0.0, generator.random(), 1.0])),
        attack=between(0.001, 0.2),
        decay=between(0.01, 1.5),
        level=between(0.1, 1.0),
    )


def perform(voice: Sequence[Layer], seconds: float, rate: int, generator: Generator) -> NDArray[np.float32]:
    """One performance `[seconds * rate]` with a peak of 1."""
    count = round(seconds * rate)
    sound = sum((_play(layer, count, rate, generator) for layer in voice), np.zeros(count))
    sound /= max(float(np.abs(sound).max()), 1e-9)
    sound += 10 ** (generator.uniform(*FLOOR_DB) / 20) * generator.standard_normal(count)
    performed: NDArray[np.float32] = (sound / np.abs(sound).max()).astype(np.float32)
    return performed


def _play(layer: Layer, count: int, rate: int, generator: Generator) -> Wave:
    age = _since_event(layer, count, rate, generator)
    moved = layer.glide * np.minimum(age, 1.0) if layer.rate else np.zeros(count)
    wave = np.zeros(count)
    if layer.tone > 0:
        wave += layer.tone * _tone(layer, moved, rate)
    if layer.tone < 1:
        wave += (1 - layer.tone) * _noise(layer, count, rate, generator)
    return layer.level * wave * (_swell(age, layer) if layer.rate else 1.0)


def _since_event(layer: Layer, count: int, rate: int, generator: Generator) -> Wave:
    """Seconds since the last event `[count]`; infinite before the first."""
    time = np.arange(count) / rate
    if not layer.rate:
        return time
    number = max(round(count / rate * layer.rate), 1)
    clock = (np.arange(number) + generator.random()) / layer.rate
    free = generator.random(number) * count / rate
    events = np.sort(layer.regular * clock + (1 - layer.regular) * free)
    last = np.searchsorted(events, time, side="right") - 1
    return np.where(last >= 0, time - events[last], np.inf)


def _swell(age: Wave, layer: Layer) -> Wave:
    heard: Wave = (1 - np.exp(-age / layer.attack)) * np.exp(-age / layer.decay)
    return heard


def _tone(layer: Layer, moved: Wave, rate: int) -> Wave:
    trembling = layer.vibrato * np.sin(2 * np.pi * 6.0 * np.arange(len(moved)) / rate)
    pitch = np.clip(layer.pitch * 2 ** (moved + trembling), LOWEST / 2, HIGHEST)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    harmonics = range(1, min(int(rate / 2 / layer.pitch), 8) + 1)
    wave: Wave = sum((h**-layer.slope * np.sin(h * phase) for h in harmonics), np.zeros(len(moved)))
    return wave


def _noise(layer: Layer, count: int, rate: int, generator: Generator) -> Wave:
    """Noise of a bell-shaped spectrum over octaves, of standard deviation 1."""
    spectrum = np.fft.rfft(generator.standard_normal(count))
    octave = np.log2(np.fft.rfftfreq(count, 1 / rate).clip(1.0) / layer.pitch)
    wave = np.fft.irfft(spectrum * np.exp(-0.5 * (octave / layer.octaves) ** 2), count)
    return wave / max(float(wave.std()), 1e-9)
