"""What the head sees of the similarities around the cursors: our own addition to the published network."""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

EPS = 1e-6


def similarities(clips: Tensor, sentences: Tensor, lengths: Tensor) -> Tensor:
    """Cosines `[B, N, M]` of `[B, N, J]` and `[B, M, J]`, zero mean and unit deviation over each sequence's own cells.

    lengths: int64 `[B, 2]`. Cells outside them are zero.
    """
    cosines = normalize(clips, dim=-1) @ normalize(sentences, dim=-1).mT
    real = _real(lengths, cosines)
    count = real.sum((1, 2), keepdim=True).clamp(min=1)
    centred = (cosines - (cosines * real).sum((1, 2), keepdim=True) / count) * real
    return centred / (centred.square().sum((1, 2), keepdim=True) / count + EPS).sqrt()


def window_count(window: int, streams: int = 2) -> int:
    """Numbers that `CoupleWindows.at` gives."""
    return (window**2 + 2) * (streams * (streams - 1) // 2)


class CoupleWindows:
    """`Windows` of every two of S streams, side by side."""

    def __init__(self, joint: Sequence[Tensor], lengths: Tensor, window: int) -> None:
        """Of features `[B, N_s, J]` in a shared space; lengths: int64 `[B, S]`."""
        self._couples = [list(couple) for couple in combinations(range(len(joint)), 2)]
        self._windows = [
            Windows(similarities(joint[one], joint[other], lengths[:, [one, other]]), lengths[:, [one, other]], window)
            for one, other in self._couples
        ]

    def at(self, sequence: Tensor, consumed: Tensor) -> Tensor:
        """`[R, window_count]` for R cursors: their sequence int64 `[R]`, items consumed of each stream `[R, S]`."""
        couples = zip(self._couples, self._windows, strict=True)
        return torch.cat([windows.at(sequence, consumed[:, couple]) for couple, windows in couples], dim=1)


class Windows:
    """The `window` x `window` similarities from the cursors on, and the best one that remains for either top."""

    def __init__(self, similarity: Tensor, lengths: Tensor, window: int) -> None:
        """Of standardised similarities `[B, N, M]`, whose sequences have int64 `[B, 2]` items."""
        outside = ~_real(lengths, similarity)
        hidden = similarity.masked_fill(outside, float("-inf"))
        tables = torch.stack([similarity, _best_from(hidden, 2), _best_from(hidden, 1)], dim=1)
        tables = pad(tables.masked_fill(outside.unsqueeze(1), 0), (0, window, 0, window))
        rows, columns = tables.shape[2:]
        near = torch.arange(window, device=similarity.device)
        square = (near.unsqueeze(1) * columns + near).flatten()
        self._cells = tables.flatten()
        self._columns = columns
        self._first = torch.arange(len(tables), device=similarity.device) * (3 * rows * columns)
        self._offsets = torch.cat([square, rows * columns * torch.arange(1, 3, device=similarity.device)])

    def at(self, sequence: Tensor, consumed: Tensor) -> Tensor:
        """`[R, window**2 + 2]` for R cursors: their sequence int64 `[R]`, items consumed of both streams `[R, 2]`.

        Zero outside the sequence.
        """
        corner = self._first[sequence] + consumed[:, 0] * self._columns + consumed[:, 1]
        return self._cells[corner.unsqueeze(1) + self._offsets]


def _best_from(x: Tensor, dim: int) -> Tensor:
    """The largest value from each place on along a dimension."""
    return x.flip(dim).cummax(dim).values.flip(dim)


def _real(lengths: Tensor, like: Tensor) -> Tensor:
    """Which cells of `[B, N, M]` lie within the lengths `[B, 2]`, bool."""
    rows, columns = (torch.arange(size, device=like.device) for size in like.shape[1:])
    return (rows < lengths[:, :1]).unsqueeze(2) & (columns < lengths[:, 1:]).unsqueeze(1)
