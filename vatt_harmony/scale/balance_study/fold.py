"""One task at one fold: who trains, who validates, who tests, and the batches of a run."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from vatt_harmony.scale.balance_study.batches import Batch, Shifted
from vatt_harmony.scale.balance_study.task import MODALITIES, Part, Task


@dataclass(frozen=True)
class Fold:
    """What a run sees. Test clips are asked for only when the setting is chosen."""

    task: Task
    shifted: Shifted
    number: int

    def inputs(self, part: Part) -> dict[str, Tensor]:
        """Unshifted clips of a part."""
        places = self.task.part(part, self.number)
        return {m: self.task.inputs[m][places] for m in MODALITIES}

    def labels(self, part: Part) -> Tensor:
        """Their labels."""
        return self.task.labels[self.task.part(part, self.number)]

    def epochs(self, seed: int, steps: int) -> Iterator[list[Batch]]:
        """Training batches of each epoch, until `steps` are given; the last epoch may be shorter."""
        places, number = self.task.part("train", self.number), 0
        while steps > 0:
            batches = list(self.shifted.epoch(places, seed, number))[:steps]
            yield batches
            steps -= len(batches)
            number += 1
