"""The ranks that torchrun starts, and the device of each."""

import os
from types import TracebackType

import torch
from torch import distributed

from vatt_harmony.errors import UserError


class Ranks:
    """The process group that torchrun describes, as (rank, world size, device); one rank where there is none.

    `device` is what the user asked for ("auto", "cpu", "cuda", "cuda:1", …). Raises UserError when it cannot be used.
    """

    def __init__(self, device: str) -> None:
        self.world_size = int(os.environ.get("WORLD_SIZE", "1"))
        self.device = usable_device(device if self.world_size == 1 else rank_device(device))

    def __enter__(self) -> tuple[int, int, str]:
        if self.world_size == 1:
            return 0, 1, self.device
        cuda = self.device.startswith("cuda")
        if cuda:
            torch.cuda.set_device(self.device)
        distributed.init_process_group("nccl" if cuda else "gloo")
        return distributed.get_rank(), distributed.get_world_size(), self.device

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def rank_device(name: str) -> str:
    """The device of this one of several ranks; "auto" and "cuda" are told apart by LOCAL_RANK."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda:"):
        raise UserError(
            f"--device {name} names one device, but there are several ranks",
            "All ranks would share it",
            "Use --device cuda: each rank takes the device of its LOCAL_RANK",
        )
    if name != "cuda":
        return name
    # A scheduler may show each rank its own device alone; then it is number 0 for all of them.
    count, local = torch.cuda.device_count(), int(os.environ.get("LOCAL_RANK", "0"))
    if local >= count > 1:
        raise UserError(
            f"This is local rank {local}, but the machine shows {count} devices",
            "Two ranks would share a device",
            f"Start {count} ranks a machine",
        )
    return f"cuda:{0 if count == 1 else local}"


def usable_device(name: str) -> str:
    """`name`, or what "auto" means here. Raises UserError for a device that cannot be used."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"The device {name!r} cannot be used: {error}", "Nothing was started", "Try --device cpu"
        ) from error
    return name
