"""Pieces of several lengths as tensors of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from vatt_harmony.align.data.pieces import Piece


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B pieces of S streams with their actions; what lies behind the lengths is padding."""

    features: tuple[Tensor, ...]
    """Of each stream float32 `[B, N_s, D_s]`."""
    lengths: Tensor
    """Items of each stream, int64 `[B, S]`."""
    joint: tuple[Tensor, ...] | None
    """Of each stream features in the shared space, float32 `[B, N_s, J]`."""
    actions: Tensor
    """What is done at each step, int64 `[B, T]`."""
    targets: Tensor
    """What should be done at each step, int64 `[B, T]`; other than `actions` where these are the network's own."""
    steps: Tensor
    """Real steps of each piece, int64 `[B]`."""

    def to(self, device: torch.device) -> "Batch":
        """The same on `device`."""
        return Batch(
            features=tuple(each.to(device) for each in self.features),
            lengths=self.lengths.to(device),
            joint=None if self.joint is None else tuple(each.to(device) for each in self.joint),
            actions=self.actions.to(device),
            targets=self.targets.to(device),
            steps=self.steps.to(device),
        )


def collate(pieces: Sequence[Piece]) -> Batch:
    """A batch of pieces of the same streams; `joint` only where all of them have it."""
    streams = range(len(pieces[0].lengths))
    joint = None
    if all(piece.joint is not None for piece in pieces):
        joint = tuple(_padded([piece.joint[stream] for piece in pieces if piece.joint]) for stream in streams)
    actions = _padded([piece.actions for piece in pieces])
    return Batch(
        features=tuple(_padded([piece.features[stream] for piece in pieces]) for stream in streams),
        lengths=torch.tensor([piece.lengths for piece in pieces]),
        joint=joint,
        actions=actions,
        targets=actions,
        steps=torch.tensor([len(piece.actions) for piece in pieces]),
    )


def _padded(rows: Sequence[Any]) -> Tensor:
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True)
