"""Small numbers on which all ranks agree; a single process agrees with itself."""

from collections.abc import Sequence

import torch
import torch.distributed as dist


def maximum_over_ranks(values: Sequence[float], device: torch.device) -> list[float]:
    """Element-wise maximum of every rank's `values` (equal length everywhere). All ranks must call it."""
    if not dist.is_initialized():
        return list(values)
    numbers = torch.tensor(values, dtype=torch.float32, device=device)
    dist.all_reduce(numbers, op=dist.ReduceOp.MAX)
    return [float(number) for number in numbers.tolist()]


def gather_over_ranks(values: Sequence[float], device: torch.device) -> list[list[float]]:
    """Every rank's `values` (equal length everywhere), in rank order. All ranks must call it."""
    if not dist.is_initialized():
        return [list(values)]
    numbers = torch.tensor(values, dtype=torch.float32, device=device)
    rows = [torch.empty_like(numbers) for _ in range(dist.get_world_size())]
    dist.all_gather(rows, numbers)
    return [[float(number) for number in row.tolist()] for row in rows]
