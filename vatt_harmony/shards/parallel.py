"""One function over many tasks in processes, the results as they come."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vatt_harmony.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_parallel(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[Task, Result]]:
    """Yield (task, result) as they are finished; `workers` 0 is one for each core, one runs in this process.

    Raises UserError when a worker process dies, and whatever `function` raises.
    """
    workers = min(workers or _cores(), len(tasks))
    if workers <= 1:
        yield from ((task, function(task)) for task in tasks)
        return
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload([function.__module__])  # imported once, not once a worker: seconds each
    pool = ProcessPoolExecutor(workers, context, initializer=_die_on_interrupt)
    try:
        futures = {pool.submit(function, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise UserError(
            "A worker process died in the middle of a shard",
            "What is finished is kept, the rest is missing",
            "Start again; if it dies again, memory may be short: use fewer --workers",
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def progress_bar(console: Console, unit: str = "clips") -> Progress:
    """The bar of the shard verbs: clips or other units done, how many in all, time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
    return Progress(*columns, TimeRemainingColumn(), console=console)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # not on macOS


def _die_on_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches every process; only the parent tells about it
