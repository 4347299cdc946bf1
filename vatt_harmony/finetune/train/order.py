"""Which samples each optimizer step sees, and which rank sees which: a pure function of the seed and the step."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_generator

Rows = NDArray[np.int64]


class Order:
    """Passes over `items` samples, each in a new order, cut into optimizer steps as even as can be."""

    def __init__(self, items: int, batch: int, accumulation: int, seed: int) -> None:
        """`batch`: most samples of a step, over all ranks and micro-batches."""
        self._items, self._accumulation, self._seed = items, accumulation, seed
        self.steps_of_pass = -(-items // batch)
        """Optimizer steps of one pass."""

    def rows(self, step: int) -> Rows:
        """The samples of optimizer step `step`, from 0."""
        number, place = divmod(step, self.steps_of_pass)
        generator = keyed_generator(self._seed, "order", number)
        return np.array_split(generator.permutation(self._items), self.steps_of_pass)[place]

    def weights(self, step: int) -> list[float]:
        """Weights of the micro-batches' mean losses, on average 1, by which every sample of the step counts alike."""
        sizes = [len(part) for part in self._parts(step)]
        return [size * len(sizes) / sum(sizes) for size in sizes]

    def micro_batches(self, first: int, last: int, rank: int, ranks: int) -> Iterator[list[int]]:
        """This rank's rows of every micro-batch of the steps `first` to before `last`, `accumulation` a step.

        A rank takes every `ranks`-th row, so that all together see what one alone would. Raises UserError where a
        micro-batch has fewer rows than there are ranks.
        """
        for step in range(first, last):
            for part in self._parts(step):
                if len(part) < ranks:
                    raise UserError(
                        f"A micro-batch has {len(part)} samples for {ranks} ranks",
                        "Some ranks would have nothing to do",
                        f"Start at most {max(1, len(part))} ranks, lower train.accumulation, or raise train.batch",
                    )
                yield part[rank::ranks].tolist()

    def _parts(self, step: int) -> list[Rows]:
        return np.array_split(self.rows(step), self._accumulation)
