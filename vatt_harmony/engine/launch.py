"""Start of a process: which rank it is, which device it has, and the process group."""

import os
import socket
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Process:
    """This process among the ranks of the run."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this rank writes the run folder."""
        return self.rank == 0


def start_process(first_step_minutes: float) -> Process:
    """Join (or, for a single process, make) the process group that deepspeed, torchrun or Slurm prepared.

    All ranks must call it, once. On CPU the group is gloo, on CUDA NCCL. DeepSpeed's shared-memory operator for CPU
    is not built: compiling it takes minutes, and a process killed meanwhile leaves a lock on which later runs hang.
    """
    _adopt_slurm()
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"), ("MASTER_ADDR", "127.0.0.1")):
        os.environ.setdefault(name, value)
    if "MASTER_PORT" not in os.environ:
        os.environ["MASTER_PORT"] = str(free_port())
    cuda = torch.cuda.is_available()
    if not cuda:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import deepspeed
    import deepspeed.ops

    device = _own_device() if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    else:
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(
        dist_backend="nccl" if cuda else "gloo", timeout=timedelta(minutes=first_step_minutes), verbose=False
    )
    return Process(rank=dist.get_rank(), world_size=dist.get_world_size(), device=device)


def _own_device() -> torch.device:
    # A scheduler may show each task its own device alone; then it is number 0 for all of them.
    count, local = torch.cuda.device_count(), int(os.environ["LOCAL_RANK"])
    if local >= count > 1:
        raise UserError(
            f"This is local rank {local}, but the machine shows {count} devices",
            "Two ranks would share a device",
            f"Start {count} ranks a machine",
        )
    return torch.device("cuda", 0 if count == 1 else local)


def first_process() -> bool:
    """Whether this is rank 0, before or after there is a process group."""
    return int(os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or 0) == 0


def stop_process() -> None:
    """Leave the process group. All ranks must call it; not after an error, which others may not have had."""
    if dist.is_initialized():
        dist.destroy_process_group()


def shorten_timeout(minutes: float) -> None:
    """From now on a collective that hangs longer than `minutes` ends the run. All ranks must call it."""
    # Private, but the only way: torch offers no public setter for the default group's timeout.
    from torch.distributed.distributed_c10d import _set_pg_timeout

    _set_pg_timeout(timedelta(minutes=minutes))


def _adopt_slurm() -> None:
    """`srun` without another launcher: Slurm's variables say who we are."""
    if "RANK" in os.environ or "SLURM_PROCID" not in os.environ or "MASTER_ADDR" not in os.environ:
        return
    os.environ["RANK"] = os.environ["SLURM_PROCID"]
    os.environ["WORLD_SIZE"] = os.environ["SLURM_NTASKS"]
    os.environ["LOCAL_RANK"] = os.environ["SLURM_LOCALID"]
    local = os.environ.get("SLURM_NTASKS_PER_NODE")
    if local:
        os.environ["LOCAL_WORLD_SIZE"] = local


def free_port() -> int:
    """A port of this machine that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
