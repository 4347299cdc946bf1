"""Batches by step number, made in this process or in parts by worker processes; the result is the same."""

import atexit
import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader, Dataset

from vatt_harmony.errors import UserError
from vatt_harmony.stream.batch import Batch, join
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.ledger import Drop
from vatt_harmony.stream.parts import ahead, cut


@dataclass(frozen=True)
class Made:
    """A batch, or rows of one, and the full account of what was dropped for it."""

    batch: Batch
    drops: list[Drop]


class BatchMaker(Protocol):
    """Makes any rows of the batch of any step; picklable, and without memory of other steps."""

    @property
    def rows(self) -> int:
        """Rows of every batch of this rank."""
        ...

    def __call__(self, step: int, rows: range) -> Made: ...


def batches(maker: BatchMaker, first: int, stop: int | None, config: StreamConfig) -> Iterator[Made]:
    """The batches of steps first, first + 1, … in order, until `stop` (None = endless).

    A UserError of a worker arrives here as it is; any other error of a worker ends the iteration with its trace.
    Batches of workers are in page-locked memory where there is a CUDA device. Workers end with the iterator, and with
    this process however it ends; signals to stop are this process's affair.
    """
    steps = range(first, sys.maxsize if stop is None else stop)
    if config.workers == 0:
        yield from (maker(step, range(maker.rows)) for step in steps)
        return
    with closing(_parts(maker, steps, config)) as parts:
        yield from _assembled(parts, steps, maker.rows)


def _assembled(made: Iterator[Made], steps: range, rows: int) -> Iterator[Made]:
    count, pin = len(cut(rows)), torch.cuda.is_available()
    for _ in steps:
        drops: list[Drop] = []
        batch = join(_recorded(itertools.islice(made, count), drops), rows, pin)
        yield Made(batch, drops)


def _recorded(made: Iterable[Made], drops: list[Drop]) -> Iterator[Batch]:
    for part in made:
        drops += part.drops
        yield part.batch


def _parts(maker: BatchMaker, steps: range, config: StreamConfig) -> Generator[Made, None, None]:
    method = "forkserver" if "forkserver" in torch.multiprocessing.get_all_start_methods() else "spawn"
    context = torch.multiprocessing.get_context(method)
    if method == "forkserver":
        # Workers then start without importing torch, libav and the tokenizer again.
        context.set_forkserver_preload([__name__, type(maker).__module__])
    loader = DataLoader(
        _Parts(maker),
        batch_size=None,
        sampler=((step, rows) for step in steps for rows in cut(maker.rows)),
        num_workers=config.workers,
        collate_fn=_as_it_is,
        worker_init_fn=_begin_worker,
        multiprocessing_context=context,
        prefetch_factor=ahead(maker.rows, config),
        generator=torch.Generator(),  # else the loader draws from the trainer's generator
    )
    others = multiprocessing.active_children()
    with _signals_held():
        iterator = iter(loader)
    end = partial(_kill, [worker for worker in multiprocessing.active_children() if worker not in others])
    atexit.register(end)  # an iterator that nobody closed; without it Python would wait for workers that ignore signals
    try:
        for made in iterator:
            if isinstance(made, UserError):
                raise made
            yield made
    finally:
        atexit.unregister(end)
        end()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Processes started here never see a signal to stop: launchers send it to every process of a run, and a trainer
    without workers could not finish the step after which it writes its checkpoint."""
    resource_tracker.ensure_running()  # starting it would end the hold
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kill(workers: Iterable[BaseProcess]) -> None:
    for worker in workers:
        worker.kill()  # asked politely, each would first decode the clips it has begun


class _Parts(Dataset["Made | UserError"]):
    def __init__(self, maker: BatchMaker) -> None:
        self.maker = maker

    def __getitem__(self, part: tuple[int, range]) -> Made | UserError:
        try:
            return self.maker(*part)
        except UserError as error:
            return error  # raised across processes it would lose its three sentences


def _as_it_is(made: Any) -> Any:
    return made


def _begin_worker(worker: int) -> None:
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # The loader's own watch sees the server that forked the worker, which lives as long as the worker does.
    threading.Thread(target=_end_with_trainer, daemon=True).start()


def _end_with_trainer() -> None:
    trainer = multiprocessing.parent_process()
    if trainer is not None:
        trainer.join()
        os._exit(1)
