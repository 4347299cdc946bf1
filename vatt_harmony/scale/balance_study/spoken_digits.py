"""Spoken digits with written digits of the same label: five speakers, a fold each, and no image twice."""

import csv
import gzip
import wave
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.balance_study.task import PICTURE, SOUND, Task, halved, spectrograms, standard

RATE, SECONDS = 8_000, 0.64
"""Of a sound; nineteen of twenty are shorter than 0.68 s."""


def digits_task(folder: Path) -> Task:
    """Spoken digits, a fold a speaker; each sound has a written digit of its own, so no two parts share an image."""
    with (folder / "pairs.csv").open(newline="") as file:
        rows = {row["wav"]: row for row in csv.DictReader(file)}  # every sound once
    labels = torch.tensor([int(row["label"]) for row in rows.values()])
    speakers = sorted({row["speaker"] for row in rows.values()})
    images, written = _idx(folder / "images-idx3-ubyte.gz"), _idx(folder / "labels-idx1-ubyte.gz")
    generator = keyed_generator(0, "images")
    shuffled = {int(label): generator.permutation(np.flatnonzero(written == label)) for label in set(labels.tolist())}
    own, used = [], dict.fromkeys(shuffled, 0)
    for label in labels.tolist():
        own.append(int(shuffled[label][used[label]]))
        used[label] += 1
    pictures = torch.from_numpy(images[own].astype(np.float32))[:, None]
    sounds = torch.stack([_spoken(folder / wav) for wav in rows])
    return Task(
        inputs={PICTURE: standard(halved(pictures)), SOUND: spectrograms(sounds, RATE)},
        labels=labels,
        fold=torch.tensor([speakers.index(row["speaker"]) for row in rows.values()]),
        classes=10,
    )


def _idx(path: Path) -> NDArray[np.uint8]:
    """The array of an idx file of bytes."""
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4).astype(int)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _spoken(path: Path) -> Tensor:
    """The first 0.64 s of a 16-bit recording, zeros after its end."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    fitted = torch.zeros(round(SECONDS * RATE))
    fitted[: len(samples)] = torch.from_numpy(samples[: len(fitted)])
    return fitted
