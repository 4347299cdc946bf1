"""Decoding by the best path of all, where the network does not look back."""

from collections import deque

import torch
from torch import Tensor

from vatt_harmony.align.encoded import Encoded
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.path import Path, unfinished
from vatt_harmony.errors import UserError

STATES = 16_384
"""States that are scored at once."""


@torch.inference_mode()
def exact(model: NeuMatch, encoded: Encoded) -> list[Path]:
    """The most probable path of each encoded sequence, by dynamic programming over all states of its cursors.

    One byte of memory for each state, N x M for two streams. Raises UserError for a network with history, whose scores
    depend on the way to a state.
    """
    if model.config.history:
        raise UserError(
            "This aligner reads its past actions and matched pairs",
            "Its scores depend on the whole path, and no dynamic programming finds the best one",
            "Decode with greedy or beam, or train with network.history false",
        )
    rows = range(len(encoded.lengths))
    return [_followed(model, encoded, row, _best_actions(model, encoded, row).cpu()) for row in rows]


def _best_actions(model: NeuMatch, encoded: Encoded, row: int) -> Tensor:
    """The first action of the best path from each state, int8 `[N + 1, ..., M + 1]` by items left.

    Every action leaves fewer items: states are valued by how many they leave, those of one number together.
    """
    lengths, streams = encoded.lengths[row], model.actions.streams
    device = lengths.device
    first = torch.cartesian_prod(*(torch.arange(n + 1, device=device) for n in lengths[:-1].tolist()))
    first = first.view(-1, streams - 1)  # items left of all streams but the last
    best = torch.zeros(len(first), int(lengths[-1]) + 1, dtype=torch.int8, device=device)
    stride = (lengths[1:-1] + 1).flip(0).cumprod(0).flip(0)
    offset = (model.pops[:, :-2] * stride).sum(1) + model.pops[:, -2]
    fewer = model.pops.sum(1).tolist()
    nothing = torch.full((len(first),), -torch.inf, dtype=torch.float64, device=device)
    values = deque([nothing] * streams, maxlen=streams)  # of the states that leave 1, 2, ... items fewer
    for total in range(int(lengths.sum()) + 1):
        last = total - first.sum(1)
        value = nothing.clone()
        for place in torch.split(torch.nonzero((last >= 0) & (last <= lengths[-1])).squeeze(1), STATES):
            left = torch.cat([first[place], last[place].unsqueeze(1)], dim=1)
            after = torch.stack(
                [values[n - 1][(place - o).clamp(min=0)] for n, o in zip(fewer, offset, strict=True)], 1
            )
            path, action = (after + _scores(model, encoded, row, left)).max(1)
            value[place] = torch.where(unfinished(model, left), path, 0)
            best[place, left[:, -1]] = action.to(torch.int8)
        values.appendleft(value)
    return best.view((lengths + 1).tolist())


def _followed(model: NeuMatch, encoded: Encoded, row: int, best: Tensor) -> Path:
    """The path from the start by the best action of each state."""
    left, taken = encoded.lengths[row].cpu(), []
    states = [left]
    while bool(unfinished(model, left)):
        taken.append(best[tuple(left)].long())
        left = model.actions.advance(left, taken[-1])
        states.append(left)
    actions = torch.tensor(taken, dtype=torch.int64)
    scores = _scores(model, encoded, row, torch.stack(states).to(encoded.lengths.device)).cpu()
    return Path(actions=actions.numpy(), log_probabilities=scores[:-1].gather(1, actions.unsqueeze(1))[:, 0].numpy())


def _scores(model: NeuMatch, encoded: Encoded, row: int, left: Tensor) -> Tensor:
    """Log-probabilities `[R, K]` in the states `[R, S]` of one sequence."""
    sequence = torch.full((len(left),), row, device=left.device)
    return model.logits_at(encoded, sequence, left).log_softmax(-1).double()
