"""What is trained on in each epoch: pieces in a new order, the same on every rank, of which each takes its rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vatt_harmony.align.actions import ActionSet
from vatt_harmony.align.batch import Batch, collate
from vatt_harmony.align.config import TrainConfig
from vatt_harmony.align.data.pieces import Piece, cut
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_generator


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """This rank's part of one update."""

    batch: Batch
    alone: Tensor
    """Pieces whose actions the network shall choose itself, bool `[B]`."""


class Lessons:
    """Cuts training sequences into pieces and deals them out. All randomness follows from (seed, epoch)."""

    def __init__(
        self, sequences: Sequence[AlignmentSequence], actions: ActionSet, config: TrainConfig, seed: int
    ) -> None:
        """Raises UserError for sequences without truth, or that these actions cannot align, or without any piece."""
        unknown = [sequence.name for sequence in sequences if sequence.pairs is None]
        if unknown:
            raise UserError(
                f"{len(unknown)} training sequences have no truth, {unknown[0]} first",
                "There is nothing to learn from them",
                "Prepare them with annotations",
            )
        self.sequences, self._actions, self._config, self._seed = sequences, actions, config, seed
        self._fixed = None if config.order == "random" else self._cut(0)
        self.pieces = self._pieces(0)
        if not self.pieces:
            raise UserError(
                f"{len(sequences)} training sequences give no piece",
                "There is nothing to learn from",
                "Prepare sequences that have clips and sentences",
            )
        self.updates = -(-len(self.pieces) // config.batch)
        """Updates in the first epoch; random orders may cut a few pieces more or less."""

    def epoch(self, epoch: int, rank: int = 0, ranks: int = 1) -> Iterator[tuple[float, Lesson]]:
        """The lessons of one epoch, each with the epochs done before it; the same number on all ranks.

        Batches are as even as possible. A rank takes every `ranks`-th piece of each, so that all ranks together train
        on what one alone would. Raises UserError where a batch is smaller than the number of ranks.
        """
        pieces = self._pieces(epoch)
        generator = keyed_generator(self._seed, "lessons", epoch)
        alone = generator.random(len(pieces)) < self._config.rollin
        updates = -(-len(pieces) // self._config.batch)
        for update, rows in enumerate(np.array_split(generator.permutation(len(pieces)), updates)):
            if len(rows) < ranks:
                raise UserError(
                    f"An update has {len(rows)} pieces for {ranks} ranks",
                    "Some ranks would have nothing to do",
                    f"Start at most {len(rows)} ranks, or give more sequences",
                )
            mine = rows[rank::ranks]
            yield (
                epoch + update / updates,
                Lesson(batch=collate([pieces[row] for row in mine]), alone=torch.from_numpy(alone[mine])),
            )

    def _pieces(self, epoch: int) -> list[Piece]:
        return self._cut(epoch) if self._fixed is None else self._fixed

    def _cut(self, epoch: int) -> list[Piece]:
        generator = keyed_generator(self._seed, "order", epoch)
        config = self._config
        return [
            piece
            for sequence in self.sequences
            for piece in cut(sequence, self._actions, config.piece_actions, config.order, generator)
        ]
