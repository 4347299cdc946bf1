"""Small films of shots that differ in picture and tone, for tests of features."""

import csv
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vatt_harmony.media.encode import encode_clip

FPS, RATE = 8.0, 8000
SAID = ("a red ball rolls left", "a dog barks loudly", "blue squares turn", "rain on a roof")


def write_film(path: Path, lengths: Sequence[float], seed: int = 0, silent: Sequence[int] = (), drift: int = 3) -> Path:
    """A film of a shot for each of `lengths` (seconds, multiples of 1/8), each with a tone and a pattern of its own.

    The pattern moves by `drift` pixels a frame; the shots `silent` have no tone.
    """
    pictures, sounds = [], []
    for shot, seconds in enumerate(lengths):
        generator = np.random.default_rng([seed, shot])
        base = generator.integers(0, 256, (1, 6, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
        pictures += [np.roll(base, drift * shift, axis=2) for shift in range(round(seconds * FPS))]
        times = np.arange(round(seconds * RATE)) / RATE
        loudness = 0.0 if shot in silent else 0.5
        sounds.append(loudness * np.sin(2 * np.pi * generator.uniform(200, 1500) * times))
    encode_clip(
        path,
        video=np.concatenate(pictures),
        fps=FPS,
        audio=np.concatenate(sounds).astype(np.float32),
        sample_rate=RATE,
    )
    return path


def write_table(folder: Path, splits: Sequence[str] = ("train", "val", "test"), **columns: str) -> Path:
    """A table of one film of four shots a split, with sentences and truth: shot 1 is nobody's, shot 3 is in two pieces.

    `columns`: further ones, the same for every film.
    """
    edges = [0.0, 1.0, 1.5, 3.0, 3.5, 4.0]
    clips = [list(pair) for pair in itertools.pairwise(edges)]
    truth = {"clips": clips, "pairs": [[0, 0], [2, 1], [3, 2], [4, 2]], "spans": [clips[0], clips[2], [3.0, 4.0], None]}
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "said.json").write_text(json.dumps(SAID))
    rows = []
    for number, split in enumerate(splits):
        write_film(folder / f"film{number}.mp4", [1.0, 0.5, 1.5, 1.0], seed=number)
        row = {"path": f"film{number}.mp4", "sentences": "said.json", "split": split, "truth": "truth.json"}
        rows.append(row | columns)
    with (folder / "films.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "films.csv"
