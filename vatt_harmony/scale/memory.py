"""Peak memory of a piece of work, as the operating system sees it (Linux)."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def peak_bytes(work: Callable[[], object]) -> int:
    """Bytes the process held at most beyond what it held before `work`, whose result is kept until then.

    Meant for a process of its own, which has not held more before. Not `getrusage`: its maximum begins with that of the
    process that started this one.
    """
    before = _held("VmRSS")
    result = work()
    peak = _held("VmHWM") - before
    del result
    return peak


def peak_of_process() -> int:
    """Bytes this process held at most so far, its libraries included."""
    return _held("VmHWM")


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function of a module, computed in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def _held(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
