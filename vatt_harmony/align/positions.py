"""Where the cursors stand, as numbers; pure."""

import torch
from torch import Tensor


def position_count(streams: int) -> int:
    """Numbers that `positions` gives for S streams."""
    return 3 * streams + 2 * streams * (streams - 1)


def positions(left: Tensor, lengths: Tensor) -> Tensor:
    """Positional inputs float32 `[..., P]` of cursors with `left` int64 `[..., S]` of `lengths` `[..., S]` items left.

    With a items left of A - 1: every a, every a/A, every A/a, then for every ordered pair of streams a/b, and
    (A - a)/(B - b). Raw counts; an empty stack counts as one item. P is `position_count(S)`; 10 for two streams.
    Source: released code of Wang et al., WACV 2021, for two streams; the order for more is ours.
    """
    ends = (lengths + 1).float()
    here = left.clamp(min=1).float()
    consumed = (ends - here).clamp(min=1)
    return torch.cat([here, here / ends, ends / here, _ratios(torch.stack([here, consumed], dim=-2))], dim=-1)


def _ratios(x: Tensor) -> Tensor:
    """`[..., Q, S]` -> `[..., Q * S * (S - 1)]`: each number over each other one of its row, row by row."""
    streams = x.shape[-1]
    table = (x.unsqueeze(-1) / x.unsqueeze(-2)).flatten(-2)
    # Without its first entry the table falls into S - 1 runs of S + 1, each with an entry of the diagonal at its end.
    runs = table[..., 1:].unfold(-1, streams + 1, streams + 1)
    return runs[..., :-1].flatten(-3)
