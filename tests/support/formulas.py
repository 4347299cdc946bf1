"""The aligner by its published formulas, one sequence and one step at a time: what the batched network must equal."""

import torch
from torch import Tensor

from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.positions import positions


def step_logits(model: NeuMatch, features: list[Tensor], actions: list[int]) -> Tensor:
    """Unmasked logits `[T, K]` before each action on one sequence with features `[N_s, D_s]`, in evaluation mode."""
    lengths = torch.tensor([len(each) for each in features])
    left, pairs, rows = lengths.clone(), [], []
    for step, action in enumerate(actions):
        tops = [_top(model, stream, features[stream], int(a)) for stream, a in enumerate(left)]
        history = [_past(model, actions[:step]), _matched(model, pairs)]
        x = torch.cat([*tops, *history, positions(left, lengths)])
        rows.append(model.head.outer(model.head.inner(x).relu()))
        done = model.actions.actions[action]
        if any(done.matches):
            members = [top if matched else None for top, matched in zip(tops, done.matches, strict=True)]
            item = int(left[-1]) if done.matches[-1] else None
            if not pairs or item is None or pairs[-1][0] != item:
                pairs.append((item, []))
            pairs[-1][1].append(members)
        left = left - torch.tensor(done.pops).long()
    return torch.stack(rows)


def _top(model: NeuMatch, stream: int, features: Tensor, left: int) -> Tensor:
    """The stack read anew from the last of the remaining items to the top one."""
    if not left:
        return torch.zeros(model.config.width)
    remaining = features[len(features) - left :].flip(0).unsqueeze(0)
    out = model.stacks[stream](model.encoders[stream](remaining))[-1]
    if len(model.norms):
        out = model.norms[stream](out, torch.ones(1, left, dtype=torch.bool))
    return out[0, -1]


def _past(model: NeuMatch, actions: list[int]) -> Tensor:
    if not actions:
        return torch.zeros(model.config.action_width)
    layers = model.history.actions(torch.eye(model.actions.count)[actions].unsqueeze(0))
    return sum(layer[0, -1] for layer in layers)


def _matched(model: NeuMatch, pairs: list[tuple[int | None, list[list[Tensor | None]]]]) -> Tensor:
    """The stack run from zero over the means of every pair so far."""
    if not pairs:
        return torch.zeros(model.config.matched_width)
    read = []
    for _, members in pairs:
        for stream in range(len(model.dims)):
            taken = [each[stream] for each in members if each[stream] is not None]
            read.append(torch.stack(taken).mean(0) if taken else torch.zeros(model.config.width))
    layers = model.history.pairs.stack(torch.cat(read).view(1, len(pairs), -1))
    return sum(layer[0, -1] for layer in layers)
