"""How a run ends when it cannot go on: one message from all its ranks, and no rank that waits for the dead."""

import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
import torch.distributed as dist

from vatt_harmony.engine.launch import Process
from vatt_harmony.errors import UserError

GRACE_SECONDS = 5.0
"""The launcher ends the silent ranks within this time after the one that told its message."""

HEARD_SECONDS = 1.5
"""Rank 0 holds the store by which the others learn that a message was told; it must outlive their asking."""

_KEY = "vatt_harmony/failure"
_RESUME = "Start the same command again when that is mended: it resumes from the newest checkpoint"
_PEER_GONE = re.compile(
    r"Connection (closed|reset) by peer|Broken pipe|Timed out waiting|Application timeout"
    r"|ncclRemoteError|communicator was aborted|Watchdog caught collective"
)


@contextmanager
def one_message() -> Iterator[None]:
    """Of all ranks that fail inside, the first tells why and ends with status 2 (1 with a trace: the program's error).

    It ends at once: Python's own way out would wait for the process group, which waits for the other ranks.
    """
    try:
        with explained():
            yield
    except KeyboardInterrupt:
        if _first_to_fail("interrupted"):
            print("interrupted", file=sys.stderr)
        _leave(130)
    except Exception as error:
        if not _first_to_fail(str(error)):
            time.sleep(GRACE_SECONDS)
            _leave(2)
        status = 2 if isinstance(error, UserError) else 1
        if status == 1:
            traceback.print_exc()
        else:
            print(f"error: {error}", file=sys.stderr, flush=True)
        if dist.is_initialized() and dist.get_world_size() > 1:
            time.sleep(HEARD_SECONDS)
        _leave(status)


@contextmanager
def explained() -> Iterator[None]:
    """Errors that a machine or a user causes leave as UserErrors; errors of the program as they are."""
    try:
        yield
    except Exception as error:
        better = _explain(error)
        if better is None:
            raise
        raise better from error


def on_first_rank(process: Process, action: Callable[[], object]) -> None:
    """Run `action` on rank 0 while the others wait; its UserError is raised on all ranks. All ranks must call it."""
    outcome: list[UserError | None] = [None]
    if process.is_first:
        try:
            with explained():
                action()
        except UserError as error:
            outcome = [error]
    dist.broadcast_object_list(outcome, src=0)
    if outcome[0] is not None:
        raise outcome[0]


def _explain(error: Exception) -> UserError | None:
    text = str(error).strip().split("\n")[0]
    if isinstance(error, UserError):
        return None
    if isinstance(error, torch.OutOfMemoryError):
        fix = "Set model.checkpointing true, lower stream.global_batch, or use a higher ZeRO stage"
        return UserError(f"A device has too little memory: {text}", "The run ended", fix)
    if isinstance(error, OSError) and error.strerror:
        place = error.filename or "A file of the run cannot be written"
        return UserError(f"{place}: {error.strerror}", "The run ended; whole checkpoints are kept", _RESUME)
    if "PytorchStreamWriter" in text or "os error" in text:
        return UserError(f"A checkpoint cannot be written ({text})", "The run ended; older ones are kept", _RESUME)
    if "DataLoader worker" in text:
        fix = "Look for a lack of memory or of shared memory (/dev/shm), lower stream.workers or stream.prefetch"
        return UserError(f"A process that loads samples died: {text}", "The run ended", f"{fix}. {_RESUME}")
    if isinstance(error, dist.DistNetworkError | dist.DistStoreError) and not dist.is_initialized():
        fix = "Check MASTER_ADDR and MASTER_PORT: another run may hold the port, or a firewall close it"
        return UserError(f"The ranks do not find one another: {text}", "Nothing was started", fix)
    if _PEER_GONE.search(text):
        told = _failure_of_another()
        what = f"Another rank ended: {told}" if told else f"Another rank died or hangs ({text})"
        return UserError(what, "This rank cannot go on alone", _RESUME)
    return None


def _leave(status: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _first_to_fail(reason: str) -> bool:
    store, mine = _store(), f"{dist.get_rank() if dist.is_initialized() else 0} {reason}"
    try:
        return store is None or bool(store.compare_set(_KEY, "", mine) == mine.encode())
    except RuntimeError:  # rank 0, which held the store, is gone: it has told, or its launcher does
        return False


def _failure_of_another() -> str:
    store = _store()
    try:
        if store is None or not store.check([_KEY]):
            return ""
        return str(store.get(_KEY).decode().partition(" ")[2])
    except RuntimeError:
        return ""


def _store() -> Any:
    # Private, but the only place that ranks share without waiting for one another.
    from torch.distributed.distributed_c10d import _get_default_store

    return _get_default_store() if dist.is_initialized() else None
