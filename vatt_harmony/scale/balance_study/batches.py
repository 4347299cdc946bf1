"""Training batches: every clip once an epoch, shifted by up to one frame or one point."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.randomness import keyed_int
from vatt_harmony.scale.balance_study.task import MODALITIES, PICTURE, SOUND, Task

BATCH = 40
_STEPS = (-1, 0, 1)
Batch = tuple[dict[str, Tensor], Tensor]
"""Inputs by modality, and labels."""


@dataclass(frozen=True)
class Shifted:
    """All shifted versions of a task's clips, made once."""

    versions: Mapping[str, Tensor]
    """Modality -> `[V, N, ...]`."""
    labels: Tensor

    @classmethod
    def of(cls, task: Task) -> "Shifted":
        """Pictures up, down, left and right; sounds in time. What leaves at one side comes in at the other."""
        picture, sound = task.inputs[PICTURE], task.inputs[SOUND]
        return cls(
            {
                PICTURE: torch.stack([picture.roll((y, x), (2, 3)) for y in _STEPS for x in _STEPS]),
                SOUND: torch.stack([sound.roll(frames, 2) for frames in _STEPS]),
            },
            task.labels,
        )

    def epoch(self, places: Tensor, seed: int, number: int) -> Iterator[Batch]:
        """Inputs and labels of one epoch's batches, as (seed, number) say; an incomplete last batch is left out."""
        generator = torch.Generator().manual_seed(keyed_int(seed, "batches", number))
        order = places[torch.randperm(len(places), generator=generator)]
        for batch in torch.split(order, BATCH):
            if len(batch) == BATCH:
                drawn = {m: torch.randint(len(self.versions[m]), (BATCH,), generator=generator) for m in MODALITIES}
                yield {m: self.versions[m][drawn[m], batch] for m in MODALITIES}, self.labels[batch]
