"""The GRID corpus in memory: the moving mouth, the sound and the timed words of 400 clips of one speaker."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vatt_harmony.media.decode import read_window
from vatt_harmony.media.picture import Box

FPS = 25
"""Of the recordings; all cuts lie between two frames."""
FRAMES = 73
"""Of a clip, 2.92 s: the shortest recordings have no more."""
RATE = 16_000
SIZE = 32
MOUTH: Box = (168 / 288, 118 / 360, 248 / 288, 198 / 360)
"""Where the mouth is in all recordings; what moves beside it are the eyes."""
WORDS = 6
"""Of every sentence."""


@dataclass(frozen=True)
class Word:
    """A word and when it is said, in seconds of its clip."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """C clips."""

    motion: Tensor
    """float32 `[C, T, H, W]` in [-1, 1]: what differs from the clip's mean picture. Skin and light, by which a model
    of this size knows every clip by heart, are gone."""
    sound: Tensor
    """float32 `[C, S]`."""
    words: tuple[tuple[Word, ...], ...]
    """Six for each clip."""

    def __len__(self) -> int:
        return len(self.words)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is said in each clip."""
        return tuple(" ".join(word.text for word in words) for words in self.words)

    @property
    def vocabulary(self) -> dict[str, int]:
        """Word -> id, from 1; 0 is padding."""
        known = sorted({word.text for words in self.words for word in words})
        return {word: number for number, word in enumerate(known, 1)}


def read_corpus(grid: Path) -> Corpus:
    """All clips of `grid/sentences.csv`, decoded once; 10 s on one core."""
    with (grid / "sentences.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    windows = [read_window(grid / row["path"], 0.0, FRAMES, FPS, RATE, size=SIZE, box=MOUTH) for row in rows]
    pictures = [window.video for window in windows if window.video is not None]
    sounds = [window.audio for window in windows if window.audio is not None]
    assert len(pictures) == len(sounds) == len(rows), "every clip of GRID has picture and sound"
    return Corpus(
        motion=motion_of(torch.from_numpy(np.stack(pictures))),
        sound=torch.from_numpy(np.stack(sounds)),
        words=tuple(_words(row["words_json"]) for row in rows),
    )


def motion_of(video: Tensor) -> Tensor:
    """uint8 `[C, T, H, W, 3]` -> brightness without the clip's mean picture, 3 deviations to 1, `[C, T, H, W]`."""
    grey = video.float().mean(-1)
    moving = grey - grey.mean(1, keepdim=True)
    return (moving / (3 * moving.std((1, 2, 3), keepdim=True) + 1e-6)).clamp(-1, 1)


def said(words: Sequence[Word], start: float, end: float) -> list[str]:
    """The words of which at least half is said within [start, end] seconds."""
    return [w.text for w in words if min(w.end, end) - max(w.start, start) >= (w.end - w.start) / 2]


def _words(cell: str) -> tuple[Word, ...]:
    return tuple(Word(text, start, end) for text, start, end in json.loads(cell))
