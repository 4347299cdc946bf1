"""Batches by step number, made in this process or by worker processes; the result is the same."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader, Dataset

from vatt_harmony.errors import UserError
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.ledger import Drop


@dataclass(frozen=True)
class Made:
    """A batch and the full account of what was dropped for it."""

    batch: Batch
    drops: list[Drop]


class BatchMaker(Protocol):
    """Makes the batch of any step; picklable, and without memory of other steps."""

    def __call__(self, step: int) -> Made: ...


def batches(maker: BatchMaker, first: int, stop: int | None, config: StreamConfig) -> Iterator[Made]:
    """The batches of steps first, first + 1, … in order, until `stop` (None = endless).

    A UserError of a worker arrives here as it is; any other error of a worker ends the iteration with its trace.
    """
    steps = itertools.count(first) if stop is None else range(first, stop)
    if config.workers == 0:
        yield from map(maker, steps)
        return
    method = "forkserver" if "forkserver" in torch.multiprocessing.get_all_start_methods() else "spawn"
    context = torch.multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__])  # workers then start without importing torch again
    loader = DataLoader(
        _Steps(maker),
        batch_size=None,
        sampler=steps,
        num_workers=config.workers,
        collate_fn=_as_it_is,
        worker_init_fn=_one_thread,
        multiprocessing_context=context,
        prefetch_factor=config.prefetch,
        generator=torch.Generator(),  # else the loader draws from the trainer's generator
    )
    for made in loader:
        if isinstance(made, UserError):
            raise made
        yield made


class _Steps(Dataset["Made | UserError"]):
    def __init__(self, maker: BatchMaker) -> None:
        self.maker = maker

    def __getitem__(self, step: int) -> Made | UserError:
        try:
            return self.maker(step)
        except UserError as error:
            return error  # raised across processes it would lose its three sentences


def _as_it_is(made: Any) -> Any:
    return made


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
