"""Sequences after the streams' stacks: all that the head can ever read of them, computed once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.align.similarity import CoupleWindows


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """B sequences of S streams, encoded."""

    tops: tuple[Tensor, ...]
    """Of each stream `[B, N_s, W]`: at a - 1 the stack's output with a items left. Behind the lengths: anything."""
    lengths: Tensor
    """int64 `[B, S]`."""
    windows: CoupleWindows | None
    """Standardised cosines of every two streams, to be read at cursors; None where the network has no window."""
    first: Tensor
    """Row of the tables that stands for each stack when it is empty, int64 `[B, S]`; a items left: a rows further."""
    shares: Tensor
    """Table: what each top adds to the head's inner layer, `[rows, W]`."""
    members: Tensor | None
    """Table: each top projected by the matched stack, `[rows, 4H]`; None without history."""


def item_table(parts: Sequence[Tensor], *, clamp: bool) -> Tensor:
    """Parts `[B, N_s, D]` of S streams as one table `[B * sum(N_s + 1), D]`, see `first_rows`.

    The row of an empty stack is that of its last item (`clamp`), or zero.
    """
    padded = []
    for part in parts:
        padded += [part[:, :1] if clamp and part.shape[1] else part.new_zeros(len(part), 1, part.shape[2]), part]
    return torch.cat(padded, dim=1).flatten(0, 1)


def first_rows(parts: Sequence[Tensor]) -> Tensor:
    """Row in `item_table` of each sequence's stacks when they are empty, int64 `[B, S]`."""
    rows = torch.tensor([part.shape[1] + 1 for part in parts], device=parts[0].device)
    sequences = torch.arange(len(parts[0]), device=rows.device)
    return sequences.unsqueeze(1) * rows.sum() + rows.cumsum(0) - rows
