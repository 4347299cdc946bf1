"""Opening data on many ranks: one does what must be done once, the others use what it left in files."""

import logging
import os
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import torch.distributed as dist

from vatt_harmony.errors import UserError

Result = TypeVar("Result")

log = logging.getLogger(__name__)


def in_turns(action: Callable[[], Result]) -> Result:
    """The result of `action` on this rank: rank 0 first, then the first rank of every machine, then the rest.

    All ranks must call it; without a process group it is a plain call. A UserError of one rank is raised on all.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return action()
    local = os.environ.get("LOCAL_RANK", "0")
    turn = 0 if dist.get_rank() == 0 else 1 if local == "0" else 2
    results: list[Result] = []
    for now in range(3):
        failure = None
        if now == turn:
            try:
                results.append(action())
            except UserError as error:
                failure = error
        failures: list[UserError | None] = [None] * dist.get_world_size()
        dist.all_gather_object(failures, failure)
        for found in filter(None, failures):
            raise found
    return results[0]


@cache
def warn_once(message: str) -> None:
    """Log a warning about what is the same on all ranks: on rank 0, and once, however often data is opened."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0:
        log.warning(message)
