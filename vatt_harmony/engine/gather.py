"""Rows of all ranks, in rank order, without a graph."""

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor


def gather_rows(rows: Sequence[Tensor]) -> list[Tensor]:
    """All ranks' rows of several tensors `[b, ...]` by one collective: `[W * b, ...]` each, in rank order.

    The tensors are packed in the first one's dtype, so masks travel as exact zeros and ones and come back as bool.
    All ranks must call it with equal shapes.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return [tensor.detach() for tensor in rows]
    count, dtype = rows[0].shape[0], rows[0].dtype
    packed = torch.cat([tensor.detach().reshape(count, -1).to(dtype) for tensor in rows], dim=1)
    gathered = packed.new_empty(dist.get_world_size() * count, packed.shape[1])
    dist.all_gather_into_tensor(gathered, packed.contiguous())
    pieces = torch.split(gathered, [tensor[0].numel() for tensor in rows], dim=1)
    return [piece.reshape(-1, *tensor.shape[1:]).to(tensor.dtype) for piece, tensor in zip(pieces, rows, strict=True)]


def gather_named(rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`gather_rows` for a mapping."""
    return dict(zip(rows, gather_rows(list(rows.values())), strict=True))
