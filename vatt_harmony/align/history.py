"""What the head knows of the way so far: the stacks of past actions and of matched pairs."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad

from vatt_harmony.align.actions import ActionSet
from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.matched import Matched, MatchedStack
from vatt_harmony.align.stacks import Stack, feature


@dataclass(frozen=True, kw_only=True)
class Past:
    """Both stacks of R alignments under way."""

    actions: Tensor
    """`[R, L, 2, H]`."""
    pairs: Matched

    def select(self, rows: Tensor) -> "Past":
        """The alignments `rows`, in that order."""
        return Past(actions=self.actions[rows], pairs=self.pairs.select(rows))


class History(nn.Module):
    """Both stacks: one over the actions as one-hot vectors, first to latest, and one over the matched pairs."""

    def __init__(self, actions: ActionSet, config: NetworkConfig) -> None:
        super().__init__()
        layer_norm = config.norm == "4ln"
        self.actions = Stack(actions.count, config.action_width, config.layers, layer_norm=layer_norm)
        self.pairs = MatchedStack(
            actions.streams, config.width, config.matched_width, config.layers, layer_norm=layer_norm
        )
        self.kinds = actions.count

    def start(self, rows: int) -> Past:
        """Before the first action."""
        return Past(actions=self.actions.start(rows), pairs=self.pairs.start(rows))

    def read(self, past: Past) -> Tensor:
        """What the head reads, `[R, H]`."""
        return torch.cat([feature(past.actions), feature(past.pairs.state)], dim=-1)

    def step(self, past: Past, action: Tensor, members: Tensor, matches: Tensor, last: Tensor) -> Past:
        """After the actions int64 `[R]`; the rest as in `MatchedStack.step`."""
        actions = self.actions.step(self.actions.input_weight.mT[action], past.actions)
        pairs = self.pairs.step(past.pairs, members, matches, last) if matches.any() else past.pairs
        return Past(actions=actions, pairs=pairs)

    def teacher_forced(self, actions: Tensor, members: Tensor, matches: Tensor, last: Tensor) -> Tensor:
        """What the head reads before each of the known actions int64 `[B, T]`, `[B, T, H]`.

        The rest as in `MatchedStack.teacher_forced`.
        """
        layers = self.actions(one_hot(actions, self.kinds).to(members.dtype))
        taken = pad(torch.stack(layers).sum(0), (0, 0, 1, -1))
        return torch.cat([taken, self.pairs.teacher_forced(members, matches, last)], dim=-1)
