"""The stack of matched pairs: what has been aligned so far."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from vatt_harmony.align.stacks import Stack, feature

NO_PAIR = -1


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The matched stacks of R alignments under way."""

    state: Tensor
    """With the newest pair, `[R, L, 2, H]`."""
    below: Tensor
    """Without it: what a change of the newest pair starts from."""
    item: Tensor
    """Items that were left of the last stream when its member of the newest pair was matched, int64 `[R]`."""
    total: Tensor
    """Sum of the newest pair's projected members of each stream, `[R, S, 4H]`."""
    count: Tensor
    """How many these are, `[R, S, 1]`."""

    def select(self, rows: Tensor) -> "Matched":
        """The alignments `rows`, in that order."""
        return Matched(**{name: value[rows] for name, value in vars(self).items()})


class MatchedStack(nn.Module):
    """LSTM over pairs, oldest first; a pair is the mean of its members of each stream, side by side, zero for none.

    A match with the last stream's member of the newest pair changes that pair, any other match pushes a new one. The
    stack reads members through its lowest layer's input weight, which is linear: they come projected, `[.., S, 4H]`.
    Source: released code of Wang et al., WACV 2021, for two streams and matches that retain the sentence.
    """

    def __init__(self, streams: int, features: int, width: int, layers: int, *, layer_norm: bool) -> None:
        super().__init__()
        self.streams = streams
        self.stack = Stack(streams * features, width, layers, layer_norm=layer_norm)

    def input_weights(self) -> tuple[Tensor, ...]:
        """What projects members of each stream, `[4H, features]`."""
        return self.stack.input_weight.chunk(self.streams, dim=1)

    def start(self, rows: int) -> Matched:
        """Stacks without a pair."""
        state = self.stack.start(rows)
        total = state.new_zeros(rows, self.streams, len(self.stack.input_weight))
        item = torch.full((rows,), NO_PAIR, device=state.device)
        return Matched(state=state, below=state, item=item, total=total, count=total[..., :1])

    def step(self, matched: Matched, members: Tensor, matches: Tensor, last: Tensor) -> Matched:
        """The stacks after one action.

        members: the tops of each stream `[R, S, 4H]`; matches: which of them it matches, bool `[R, S]`; last: items
        left of the last stream before it, int64 `[R]`.
        """
        acts = matches.any(-1)
        extends = matches[:, -1] & (last == matched.item)
        kept = extends[:, None, None]
        weight = matches.unsqueeze(-1).to(members.dtype)
        total = torch.where(kept, matched.total, 0) + members * weight
        count = torch.where(kept, matched.count, 0) + weight
        below = torch.where(kept.unsqueeze(-1), matched.below, matched.state)
        state = self.stack.step((total / count.clamp(min=1)).sum(1), below)
        after = Matched(
            state=state, below=below, item=torch.where(matches[:, -1], last, NO_PAIR), total=total, count=count
        )
        return after if bool(acts.all()) else _choose(acts, after, matched)

    def teacher_forced(self, members: Tensor, matches: Tensor, last: Tensor) -> Tensor:
        """What the head reads before each of T known actions, `[B, T, H]`: as `step` after `step`, without the loop.

        members `[B, T, S, 4H]`, matches bool `[B, T, S]` and last int64 `[B, T]` as in `step`. Only the finished pairs
        are read one after the other, at most as many as the last stream has items; every state in between is one more
        cell call from the finished pair below.
        """
        steps = torch.arange(last.shape[1], device=last.device).expand_as(last)
        acts = matches.any(-1)
        newest = torch.where(acts, steps, -1).cummax(1).values  # the latest match, this step's included
        before = pad(newest, (1, -1), value=-1)
        item = torch.where(matches[..., -1], last, NO_PAIR)
        extends = matches[..., -1] & (before >= 0) & (_at(item, before.clamp(min=0)) == last)
        pushes = acts & ~extends
        pair = (pushes.cumsum(1) - 1).clamp(min=0)  # the newest pair after each step
        read = _partial_means(members, matches, torch.where(pushes, steps, 0).cummax(1).values)
        below = _at(self._below(read, pair, newest), pair)
        states = self.stack.step(read.flatten(0, 1), below.flatten(0, 1))
        features = feature(states).view(*last.shape, -1)
        return _at(pad(features, (0, 0, 1, 0)), before + 1)

    def _below(self, read: Tensor, pair: Tensor, newest: Tensor) -> Tensor:
        """The state below every pair `[B, P, L, 2, H]`, from what is read after each step."""
        pairs = int(pair.max()) + 1
        final = newest.new_zeros(len(newest), pairs).scatter_reduce(1, pair, newest, "amax")
        states = [self.stack.start(len(read))]
        for finished in _at(read, final)[:, :-1].unbind(1):
            states.append(self.stack.step(finished, states[-1]))
        return torch.stack(states, dim=1)


def _partial_means(members: Tensor, matches: Tensor, start: Tensor) -> Tensor:
    """What the stack reads after each step, `[B, T, 4H]`: means since the step `start` at which the pair was pushed."""
    members = members * matches.unsqueeze(-1)
    # A pair has but one member of the last stream. Sums of the others are differences, exact enough only in float64.
    total = _since(members[:, :, :-1].double(), start)
    count = _since(matches[:, :, :-1].long(), start).clamp(min=1)
    return (total / count.unsqueeze(-1)).sum(2).to(members.dtype) + members[:, :, -1]


def _since(x: Tensor, start: Tensor) -> Tensor:
    """Sums of `x` `[B, T, ...]` from the step `start` int64 `[B, T]` up to each step."""
    sums = x.cumsum(1)
    return sums - _at(sums - x, start)


def _at(x: Tensor, index: Tensor) -> Tensor:
    """Of `x` `[B, T, ...]` the steps `index` `[B, T']`, `[B, T', ...]`."""
    rows = torch.arange(len(x), device=x.device).unsqueeze(1) * x.shape[1]
    return x.flatten(0, 1).index_select(0, (rows + index).flatten()).view(*index.shape, *x.shape[2:])


def _choose(rows: Tensor, one: Matched, other: Matched) -> Matched:
    """`one` where `rows` `[R]` holds, else `other`."""
    parts = {
        name: torch.where(rows.view(-1, *[1] * (value.dim() - 1)), value, getattr(other, name))
        for name, value in vars(one).items()
    }
    return Matched(**parts)
