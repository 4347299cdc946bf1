"""Greedy decoding without anything computed once: what the fast way is held against."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.path import Path, Step, paths, unfinished
from vatt_harmony.align.positions import positions
from vatt_harmony.align.stacks import Stack


@dataclass(frozen=True)
class Pair:
    """A matched pair."""

    item: int
    """Items that were left of the last stream, 0 where it takes no part."""
    members: tuple[list[Tensor], ...]
    """Of each stream the tops `[W]` that were matched."""


@torch.inference_mode()
def naive(model: NeuMatch, features: Sequence[Tensor]) -> Path:
    """The path of one sequence with features `[N_s, D_s]`, by a network in evaluation mode and without a window.

    At every step each stream's remaining items are encoded and read from the last one up, the past actions and the
    matched pairs from the first one on.
    """
    lengths = torch.tensor([len(each) for each in features])
    left, actions, pairs, steps = lengths, list[int](), list[Pair](), list[Step]()
    while bool(unfinished(model, left)):
        tops = [_top(model, stream, each, int(n)) for stream, (each, n) in enumerate(zip(features, left, strict=True))]
        inputs = torch.cat([*tops, *_history(model, actions, pairs), positions(left, lengths)])
        logits = model.head.outer(model.head.inner(inputs).relu())
        if model.config.mask == "legal":
            logits = logits.masked_fill(~model.actions.legal(left), -torch.inf)
        score, action = logits.log_softmax(-1).max(-1)
        steps.append(Step(action.view(1), score.view(1), torch.ones(1, dtype=torch.bool)))
        actions.append(int(action))
        _match(pairs, model.actions.actions[actions[-1]].matches, tops, int(left[-1]))
        left = model.actions.advance(left, action)
    return paths(steps, 1)[0]


def _top(model: NeuMatch, stream: int, features: Tensor, left: int) -> Tensor:
    """What a stream's stack puts out with `left` items, `[W]`; zero without any, where that is not clamped."""
    left = max(left, 1) if model.config.mask == "none" else left
    if not left or not model.config.content:
        return torch.zeros(model.config.width)
    remaining = model.encoders[stream](features[len(features) - left :].flip(0))
    top: Tensor = model.stacks[stream](remaining.unsqueeze(0))[-1][:, -1:]
    if model.config.norm == "sbn":
        top = model.norms[stream](top, torch.ones(1, 1, dtype=torch.bool))
    return top[0, 0]


def _history(model: NeuMatch, actions: Sequence[int], pairs: Sequence[Pair]) -> list[Tensor]:
    """What the stacks of actions and of pairs put out."""
    if model.history is None:
        return []
    nothing = torch.zeros(model.config.width)
    read = [torch.cat([torch.stack(m).mean(0) if m else nothing for m in pair.members]) for pair in pairs]
    taken = one_hot(torch.tensor(actions, dtype=torch.int64), model.actions.count).float()
    return [_read(model.history.actions, list(taken)), _read(model.history.pairs.stack, read)]


def _read(stack: Stack, inputs: Sequence[Tensor]) -> Tensor:
    """Sum of the layers' last outputs after the inputs, zero before the first."""
    if not inputs:
        return torch.zeros(stack.width)
    return torch.stack(stack(torch.stack(list(inputs)).unsqueeze(0)))[:, 0, -1].sum(0)


def _match(pairs: list[Pair], matches: Sequence[bool], tops: Sequence[Tensor], item: int) -> None:
    """Add the matched tops to the newest pair, if its member of the last stream is matched again, else to a new one."""
    if not any(matches):
        return
    if not (pairs and matches[-1] and pairs[-1].item == item):
        pairs.append(Pair(item if matches[-1] else 0, tuple([] for _ in tops)))
    for members, matched, top in zip(pairs[-1].members, matches, tops, strict=True):
        if matched:
            members.append(top)
