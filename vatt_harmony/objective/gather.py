"""Rows of all ranks, in rank order, without a graph."""

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

# Its name since torch 2.13, which warns of the old one at every call.
_all_gather = getattr(dist, "all_gather_single", dist.all_gather_into_tensor)


def gather_rows(rows: Sequence[Tensor]) -> list[Tensor]:
    """All ranks' rows of several tensors `[b, ...]` by one collective: `[W * b, ...]` each, in rank order.

    The tensors travel as bytes, so that none is rounded to another's type. All ranks must call it with equal shapes.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return [tensor.detach() for tensor in rows]
    count = rows[0].shape[0]
    parts = [tensor.detach().reshape(count, -1).contiguous().view(torch.uint8) for tensor in rows]
    packed = torch.cat(parts, dim=1)
    gathered = packed.new_empty(dist.get_world_size() * count, packed.shape[1])
    _all_gather(gathered, packed)
    pieces = torch.split(gathered, [part.shape[1] for part in parts], dim=1)
    # A copy first: bytes between two columns need not lie where a wider type may begin.
    return [
        piece.contiguous().view(tensor.dtype).view(-1, *tensor.shape[1:])
        for piece, tensor in zip(pieces, rows, strict=True)
    ]


def gather_named(rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`gather_rows` for a mapping."""
    return dict(zip(rows, gather_rows(list(rows.values())), strict=True))
