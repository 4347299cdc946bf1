"""Run a function on several gloo ranks of this machine."""

import os
import tempfile
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from vatt_harmony.engine.launch import free_port


def run_ranks(function: Callable[..., Any], world_size: int, *arguments: Any, folder: Path | None = None) -> list[Any]:
    """Call `function(rank, world_size, *arguments)` on every rank; returns the results in rank order.

    Function and arguments must be picklable (of a module, not of a console), results are left in `folder`, else in a
    temporary one. One thread a rank, the CPU, a time-out of three minutes a collective.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        spawn(_run, args=(function, world_size, port, place, arguments), nprocs=world_size)  # type: ignore[no-untyped-call]
        return [torch.load(place / f"rank{rank}.pt", weights_only=False) for rank in range(world_size)]


def _run(rank: int, function: Any, world_size: int, port: int, folder: Path, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world_size), "DS_ACCELERATOR": "cpu"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", timeout=timedelta(minutes=3))
    try:
        torch.save(function(rank, world_size, *arguments), folder / f"rank{rank}.pt")
        dist.barrier()
    except Exception:
        traceback.print_exc()
        raise
    finally:
        dist.destroy_process_group()
