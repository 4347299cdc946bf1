"""The sounds of ESC-10 with their classes, folds and recordings."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.media.decode import read_window
from vatt_harmony.scale.esc_study.corpora import SECONDS
from vatt_harmony.scale.esc_study.pictures import RATE
from vatt_harmony.scale.esc_study.protocol import FOLDS

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Sounds:
    """All sounds, in the order of labels.csv."""

    names: Sequence[str]
    """Such as "1-100032-A": fold, recording, piece."""
    waves: NDArray[np.float32]
    """`[N, 80000]`."""
    classes: Index
    """`[N]`, 0 to 9."""
    folds: Index
    """`[N]`."""


def read_sounds(root: Path) -> Sounds:
    """Decode the sounds that `root`/labels.csv lists."""
    with (root / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    return Sounds(
        names=[Path(row["path"]).stem for row in rows],
        waves=np.stack([_wave(root / row["path"]) for row in rows]),
        classes=np.array([int(row["class_id"]) for row in rows]),
        folds=np.array([int(row["fold"]) for row in rows]),
    )


def _wave(path: Path) -> NDArray[np.float32]:
    wave = read_window(path, 0.0, SECONDS, 1.0, RATE).audio
    if wave is None:
        raise ValueError(f"{path} has no sound")
    return wave


def final_parts(folds: Index, fold: int) -> tuple[Index, Index]:
    """Places of the sounds that train, and of those that test, when `fold` is the test fold."""
    return np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)


def tuning_parts(folds: Index, fold: int) -> tuple[Index, Index]:
    """The same with the fold after the test fold in its place; the test fold is in neither part."""
    held_out = fold % len(FOLDS) + 1
    return np.flatnonzero((folds != fold) & (folds != held_out)), np.flatnonzero(folds == held_out)
