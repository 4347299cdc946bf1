"""Letters and digits of the GRID corpus: 0.48 s of mouth and sound around the annotated word."""

import numpy as np
import torch
from torch import Tensor

from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.align_study.grid_corpus import FPS, RATE, Corpus
from vatt_harmony.scale.balance_study.task import FOLDS, PICTURE, SOUND, Task, halved, spectrograms, standard

LETTER, DIGIT = 3, 4
"""Place of the word in the sentence."""
FRAMES = 12
"""Of the window, 0.48 s: longer than any letter or digit here."""


def grid_task(corpus: Corpus, slot: int, noisy: bool) -> Task:
    """What word is in the slot; with white noise of the same power as the sound if `noisy`."""
    words = [sentence[slot] for sentence in corpus.words]
    starts = [round(((word.start + word.end) * FPS - FRAMES) / 2) for word in words]
    known = sorted({word.text for word in words})
    labels = torch.tensor([known.index(word.text) for word in words])
    pictures = torch.stack([clip[s : s + FRAMES] for clip, s in zip(corpus.motion, starts, strict=True)])
    step = RATE // FPS
    sounds = torch.stack([clip[s * step : (s + FRAMES) * step] for clip, s in zip(corpus.sound, starts, strict=True)])
    if noisy:
        sounds = with_noise(sounds)
    return Task(
        inputs={PICTURE: standard(halved(pictures)), SOUND: spectrograms(sounds, RATE)},
        labels=labels,
        fold=stratified(labels),
        classes=len(known),
    )


def with_noise(sounds: Tensor) -> Tensor:
    """White noise of each window's own power on top: 0 dB. It belongs to the clip, so it is drawn once."""
    noise = torch.from_numpy(keyed_generator(0, "noise").standard_normal(sounds.shape)).float()
    return sounds + noise * sounds.square().mean(1, keepdim=True).sqrt()


def stratified(labels: Tensor) -> Tensor:
    """Fold of each clip: every class is dealt out in random order, each going on where the last one ended."""
    generator = keyed_generator(0, "folds")
    order = np.concatenate([generator.permutation(np.flatnonzero(labels == label)) for label in torch.unique(labels)])
    fold = np.empty(len(labels), np.int64)
    fold[order] = np.arange(len(labels)) % FOLDS
    return torch.from_numpy(fold)
