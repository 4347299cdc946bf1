"""What a sequence of actions did: where the cursors stood at each step, and which pairs it made."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.align.actions import ActionSet
from vatt_harmony.align.sequence import NULL


def cursors(actions: Tensor, lengths: Tensor, kind: ActionSet) -> Tensor:
    """Items left before each step, int64 `[..., T, S]`, of actions `[..., T]` on streams with `lengths` `[..., S]`.

    Nothing is left after the end of a sequence, whatever its padding says.
    """
    popped = kind.pops.to(actions.device)[actions]
    return (lengths.unsqueeze(-2) - (popped.cumsum(-2) - popped)).clamp(min=0)


def made_pairs(actions: Tensor, lengths: Tensor, kind: ActionSet) -> Tensor:
    """The pair made at each step, int64 `[..., T, S]`, NULL throughout where a step makes none, and after the end."""
    left = cursors(actions, lengths, kind)
    members = kind.matches.to(actions.device)[actions]
    made = members.any(-1) & (~members | (left > 0)).all(-1)
    return torch.where(members & made.unsqueeze(-1), lengths.unsqueeze(-2) - left, NULL)


def alignment_of(actions: NDArray[np.int64], lengths: Sequence[int], kind: ActionSet) -> NDArray[np.int64]:
    """The pairs `[P, S]` that the actions `[T]` make of streams with `lengths` items, in order."""
    rows = made_pairs(torch.from_numpy(actions), torch.tensor(lengths), kind)
    return rows[(rows != NULL).any(-1)].numpy()
