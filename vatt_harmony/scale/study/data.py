"""Rows of a corpus as batches: held in memory where they fit, else drawn by other processes when they are asked for."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony import media
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.study import clips
from vatt_harmony.scale.study.clips import Clip, Corpus
from vatt_harmony.stream.batch import Batch

SOURCES = ("demo_attributes", "demo_picture", "demo_sentences", "demo_sound")
IN_MEMORY = 4096
"""Clips up to which a corpus is drawn once."""
Columns = tuple[Tensor, Tensor, Tensor]
"""Video, audio, text of N clips."""


def digest() -> str:
    """sha256 over the sources of everything that decides what a clip holds."""
    folder = Path(media.__file__).parent
    paths = [*(folder / f"{name}.py" for name in SOURCES), Path(clips.__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


class Training(Protocol):
    """Training clips with their faults."""

    faults: NDArray[np.str_]

    def __call__(self, rows: NDArray[np.int64]) -> Columns: ...


class Held:
    """Clips drawn once."""

    def __init__(self, columns: Columns, faults: NDArray[np.str_]) -> None:
        self.columns, self.faults = columns, faults

    @classmethod
    def draw(cls, corpus: Corpus, split: str, faults: NDArray[np.str_]) -> "Held":
        """All clips of a split, in order."""
        found = [corpus.clip(split, index, str(fault)) for index, fault in enumerate(faults)]
        return cls(_stack(found), faults)

    def __call__(self, rows: NDArray[np.int64]) -> Columns:
        index = torch.from_numpy(rows)
        video, audio, text = self.columns
        return video[index], audio[index], text[index]


class Drawn:
    """Clips drawn by worker processes whenever they are asked for."""

    def __init__(self, corpus: Corpus, faults: NDArray[np.str_], pool: ProcessPoolExecutor, workers: int) -> None:
        self.corpus, self.faults, self.pool, self.workers = corpus, faults, pool, workers

    def __call__(self, rows: NDArray[np.int64]) -> Columns:
        asked = [(int(row), str(self.faults[row])) for row in rows]
        per_worker = -(-len(asked) // self.workers)
        shares = [asked[start : start + per_worker] for start in range(0, len(asked), per_worker)]
        parts = self.pool.map(_draw, [self.corpus.seed] * len(shares), [self.corpus.shape] * len(shares), shares)
        video, audio, text = zip(*parts, strict=True)
        return torch.cat(video), torch.cat(audio), torch.cat(text)


@contextmanager
def training_clips(corpus: Corpus, faults: NDArray[np.str_]) -> Iterator[Training]:
    """The first `len(faults)` training clips, struck by `faults`."""
    if len(faults) <= IN_MEMORY:
        yield Held.draw(corpus, "train", faults)
        return
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield Drawn(corpus, faults, pool, workers)


def batch_of(training: Training, rows: NDArray[np.int64], seed: int, step: int) -> Batch:
    """Training clips `rows` as one batch, each with one of its sentences, drawn by (seed, step)."""
    generator = keyed_generator(seed, "study", "batch", step)
    video, audio, text = training(rows)
    size = len(rows)
    sentence = torch.from_numpy(generator.integers(0, text.shape[1], size))
    there = torch.ones(size, dtype=torch.bool)
    return Batch(
        video=video,
        audio=audio,
        text=text[torch.arange(size), sentence][:, None],
        video_mask=there,
        audio_mask=there,
        text_mask=there[:, None],
        seed=torch.from_numpy(generator.integers(0, 2**62, size)),
        position=torch.arange(size),
        keys=[f"study/{row}" for row in rows],
        sources=["study"] * size,
    )


_corpora: dict[int, Corpus] = {}


def _draw(seed: int, shape: clips.CorpusShape, asked: Sequence[tuple[int, str]]) -> Columns:
    """In a worker: one thread, one corpus kept."""
    if seed not in _corpora:
        _corpora.clear()
        _corpora[seed] = Corpus(seed, shape)
    return _stack([_corpora[seed].clip("train", row, fault) for row, fault in asked])


def _stack(found: Sequence[Clip]) -> Columns:
    return (
        torch.from_numpy(np.stack([clip.video for clip in found])),
        torch.from_numpy(np.stack([clip.audio for clip in found])),
        torch.from_numpy(np.stack([clip.text for clip in found])),
    )
