"""Sums over ranks."""

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of ranks of the default process group; 1 without one."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's rank; 0 without a process group."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def sum_over_ranks(values: Tensor) -> Tensor:
    """Sum of `values`, detached, over all ranks, which must all call."""
    if world_size() == 1:
        return values.detach()
    total = values.detach().clone()
    dist.all_reduce(total)
    return total


def global_mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of `values` [B] over the chosen samples (bool [B]) of all ranks, times what averaging gradients undoes.

    It is sum_local x world / count_global: its gradient, averaged over ranks as DDP does, is that of the global mean,
    whatever the ranks' own counts. 0 where nothing is chosen. All ranks must call.
    """
    count = sum_over_ranks(chosen.sum()).clamp(min=1)
    return torch.where(chosen, values, torch.zeros_like(values)).sum() * (world_size() / count)
