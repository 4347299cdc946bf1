"""What a task is in memory: pictures, sounds and labels of every clip, and which clips are of which part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vatt_harmony.model.spectrogram import log_mel

PICTURE, SOUND = "picture", "sound"
MODALITIES = (PICTURE, SOUND)
FOLDS = 5
Part = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """N clips of C classes."""

    inputs: Mapping[str, Tensor]
    """picture float32 `[N, frames, H, W]`, sound float32 `[N, 1, time, mels]`, both of mean 0 and deviation 1."""
    labels: Tensor
    """int64 `[N]`."""
    fold: Tensor
    """int64 `[N]`: the fold in which a clip is a test clip."""
    classes: int

    def part(self, name: Part, fold: int) -> Tensor:
        """Places of the clips: the next fold's test clips are the validation clips, those of three folds train."""
        distance = (self.fold - fold) % FOLDS
        return torch.nonzero({"test": distance == 0, "val": distance == 1, "train": distance > 1}[name]).squeeze(1)


def halved(pictures: Tensor) -> Tensor:
    """Half the height and width, means of four points."""
    return avg_pool2d(pictures, 2)


def standard(values: Tensor) -> Tensor:
    """Mean 0 and deviation 1 over the whole set; no label is looked at."""
    return (values - values.mean()) / values.std()


def spectrograms(sounds: Tensor, rate: int) -> Tensor:
    """`[N, S]` -> standardised log-mel `[N, 1, time, 32]`, 20 ms apart."""
    return standard(log_mel(sounds, rate, mels=32, mel_range=(80.0, rate / 2), window=0.032, hop=0.02))[:, None]
