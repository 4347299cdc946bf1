"""Batches of one rank, for training and for evaluation."""

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.collate import FinetuneBatch, collate
from vatt_harmony.finetune.dataset import FinetuneDataset
from vatt_harmony.finetune.train.order import Order
from vatt_harmony.finetune.unreadable import Unreadable


def train_batches(
    dataset: FinetuneDataset, order: Order, steps: range, place: tuple[int, int], workers: int, unreadable: Unreadable
) -> Iterator[FinetuneBatch]:
    """This rank's micro-batches of the optimizer steps `steps`; `place`: rank and number of ranks.

    Raises UserError where none of a batch, nor of what stands in for it, could be read.
    """
    for batch in _loader(dataset, list(order.micro_batches(steps.start, steps.stop, *place)), workers):
        unreadable.add(batch)
        if not len(batch):
            raise UserError(
                f"Nothing of a training batch could be read: {dict(unreadable.counts)}",
                "There is nothing to learn from",
                "Look at the files named above, and at data.root",
            )
        yield batch


def eval_batches(
    dataset: FinetuneDataset, rows: list[list[int]], workers: int, unreadable: Unreadable, in_step: bool = False
) -> Iterator[FinetuneBatch]:
    """Batches of these items; what cannot be read is missing, and so is a batch of which nothing can.

    `in_step`: every batch must be there, since all ranks must run the network as often; raises UserError for one that
    is not.
    """
    for batch in _loader(dataset, rows, workers):
        unreadable.add(batch)
        if len(batch):
            yield batch
        elif in_step:
            raise UserError(
                f"Nothing of a batch of {unreadable.name} could be read: {dict(unreadable.counts)}",
                "Under ZeRO stage 3 all ranks run the network in step, and the others would wait for this one",
                "Take the clips named above out of the set, or use ZeRO stage 2",
            )


def _loader(dataset: FinetuneDataset, rows: list[list[int]], workers: int) -> DataLoader[FinetuneBatch]:
    return DataLoader(
        dataset,  # type: ignore[arg-type]  # of examples, which `collate` makes batches of
        batch_sampler=rows,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        # Of its own: a loader that is opened in the middle of an epoch must leave torch's generator where it was.
        generator=torch.Generator(),
    )
