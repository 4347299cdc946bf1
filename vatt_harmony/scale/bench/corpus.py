"""A few clips of noise with a tone, for rows that need media but not their content."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vatt_harmony.media.encode import encode_clip


def noise_clip(path: Path, seed: int = 0) -> None:
    """Three seconds of 32 x 32 pixels at 8 frames a second, and a tone at 16 kHz."""
    frames = np.random.default_rng(seed).integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    sound = (np.sin(np.arange(48000) / (20 + seed)) / 2).astype(np.float32)
    encode_clip(path, video=frames, fps=8.0, audio=sound, sample_rate=16000)


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """A manifest as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
