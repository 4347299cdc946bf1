"""Training sequences cut into pieces of bounded length; validation and test sequences stay whole."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vatt_harmony.align.actions import ActionSet
from vatt_harmony.align.config import Order
from vatt_harmony.align.oracle import actions_of
from vatt_harmony.align.sequence import AlignmentSequence, Features
from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Consecutive items of every stream, with the actions that align them."""

    name: str
    features: tuple[Features, ...]
    """Of each stream `[N_s, D_s]`."""
    joint: tuple[Features, ...] | None
    actions: NDArray[np.int64]
    """`[T]`, one after the other, from full stacks to empty ones."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Items of each stream."""
        return tuple(len(features) for features in self.features)


def cut(
    sequence: AlignmentSequence,
    action_set: ActionSet,
    actions: int = 100,
    order: Order = "lazy",
    generator: Generator | None = None,
) -> list[Piece]:
    """Pieces of at most `actions` actions, each as long as possible, closed only where a sentence is done with.

    A sentence that alone takes more actions makes a longer piece. A piece without clips or without sentences, which
    holds no decision, is left out. `order` and `generator` are those of `actions_of`.
    """
    assert sequence.pairs is not None, "only sequences with a truth are cut"
    try:
        path = actions_of(sequence.pairs, sequence.lengths, action_set, order, generator)
    except UserError as error:
        raise UserError(f"{sequence.name}: {error.what}", error.consequence, error.fix) from error
    pops = action_set.pops.numpy()[path]
    kept_back = (action_set.matches.numpy()[path] & (pops == 0)).any(axis=1)
    ends = np.flatnonzero((pops[:, -1] == 1) & ~kept_back) + 1
    bounds = _bounds(ends, len(path), actions)
    taken = np.concatenate([np.zeros((1, pops.shape[1]), np.int64), pops.cumsum(axis=0)])
    pieces = [
        _piece(sequence, taken[start], taken[end], path[start:end], number)
        for number, (start, end) in enumerate(pairwise(bounds))
    ]
    return [piece for piece in pieces if min(piece.lengths) > 0]


def _bounds(ends: NDArray[np.int64], count: int, actions: int) -> list[int]:
    """Where pieces meet, from 0 to `count`."""
    bounds = [0]
    for end, following in zip(ends, [*ends, count][1:], strict=True):
        if following - bounds[-1] > actions:
            bounds.append(int(end))
    return bounds if bounds[-1] == count else [*bounds, count]


def _piece(
    sequence: AlignmentSequence,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    path: NDArray[np.int64],
    number: int,
) -> Piece:
    rows = [slice(start, end) for start, end in zip(first, last, strict=True)]
    streams = list(zip(sequence.streams, rows, strict=True))
    joint = tuple(stream.joint[row] for stream, row in streams if stream.joint is not None)
    return Piece(
        name=f"{sequence.name}:{number}",
        features=tuple(stream.features[row] for stream, row in streams),
        joint=joint if sequence.has_joint else None,
        actions=path,
    )
