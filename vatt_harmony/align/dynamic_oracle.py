"""The best next action from any state, also after mistakes."""

import torch
from torch import Tensor
from torch.nn import functional

from vatt_harmony.align.actions import ActionSet
from vatt_harmony.align.config import Order
from vatt_harmony.align.sequence import NULL


def dynamic_targets(left: Tensor, pairs: Tensor, lengths: Tensor, kind: ActionSet, order: Order = "lazy") -> Tensor:
    """The next action, int64 `[B, T]`, on the way to as many true pairs as can still be made.

    left: items on the stacks `[B, T, S]`, T states of each sequence. pairs: the truth `[B, P, S]`, which
    `oracle.actions_of` accepts; rows of NULL are padding, so `trace.made_pairs` of right actions will do. lengths:
    `[B, S]`. Tops that belong together are matched, a top whose partners are gone is popped, of the first stream that
    has one under "lazy" and "random", of the last one under "eager". On the right path under "lazy" or "eager" this is
    `actions_of`. 0 where nothing is left.
    """
    tops = (lengths.unsqueeze(1) - left).unsqueeze(2)
    rows = functional.pad(pairs, (0, 0, 0, 1), value=NULL).unsqueeze(1)
    member = rows != NULL
    open_ = member.any(-1) & (~member | (rows >= tops)).all(-1)
    on_top = member & (rows == tops)
    ready = open_ & (on_top == member).all(-1)
    wanted = (open_.unsqueeze(-1) & on_top).any(2)
    first = torch.where(ready, left.shape[-1] - member.int().argmax(-1), 0).argmax(2)
    members = member[:, 0].gather(1, first.unsqueeze(-1).expand(-1, -1, left.shape[-1]))
    needed = ((open_ & ~ready).unsqueeze(-1) & on_top).any(2)
    if kind.keeps_sentences:
        return _keeping(ready.any(-1), wanted, left, kind)
    pop = _popping((left > 0) & ~wanted, order, kind)
    return torch.where(ready.any(-1), _matching(members, needed, kind), pop)


def _matching(members: Tensor, needed: Tensor, kind: ActionSet) -> Tensor:
    """The action `[B, T]` that matches the `members` `[B, T, S]` and takes all of them that are not `needed`."""
    matches, pops = kind.matches.to(members.device), kind.pops.to(members.device)
    fits = (matches == members.unsqueeze(-2)).all(-1) & ~(pops.bool() & needed.unsqueeze(-2)).any(-1)
    return torch.where(fits, pops.sum(-1), -1).argmax(-1)


def _popping(superfluous: Tensor, order: Order, kind: ActionSet) -> Tensor:
    """The action `[B, T]` that pops the first, or last, superfluous top of `[B, T, S]`."""
    streams = superfluous.shape[-1]
    single = torch.tensor(
        [
            next(k for k, action in enumerate(kind.actions) if not any(action.matches) and action.pops[stream])
            for stream in range(streams)
        ],
        device=superfluous.device,
    )
    if order == "eager":
        return torch.where(superfluous.any(-1), single.flip(0)[superfluous.flip(-1).int().argmax(-1)], 0)
    return torch.where(superfluous.any(-1), single[superfluous.int().argmax(-1)], 0)


def _keeping(ready: Tensor, wanted: Tensor, left: Tensor, kind: ActionSet) -> Tensor:
    """The action `[B, T]` where every sentence must get a clip: one that has lost its own takes the next one.

    A clip that waits for a later sentence is lost either way, as this sentence needs some clip.
    """
    match, pop = kind.index("M"), kind.index("PC")
    lost = (left[..., 1] > 0) & ~wanted[..., 1]
    must = ~kind.legal(left)[..., pop]
    return torch.where(ready | lost | must, match, pop)
