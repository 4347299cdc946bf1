"""Pieces that the network aligns by itself, with the best next action as target after every mistake."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from vatt_harmony.align.batch import Batch
from vatt_harmony.align.config import Order
from vatt_harmony.align.dynamic_oracle import dynamic_targets
from vatt_harmony.align.greedy import greedy
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.trace import cursors, made_pairs


def let_alone(model: NeuMatch, batch: Batch, alone: Tensor, order: Order) -> Batch:
    """The batch with the network's own greedy actions in the pieces `alone`, bool `[B]`, and the oracle's targets.

    Our own addition, after DAgger (Ross et al., 2011): teacher forcing alone never shows what follows a mistake.
    """
    rows = alone.nonzero().flatten().to(batch.steps.device)
    if not len(rows):
        return batch
    lengths = batch.lengths[rows]
    pairs = made_pairs(batch.actions[rows], lengths, model.actions)
    pairs[torch.arange(pairs.shape[1], device=pairs.device) >= batch.steps[rows].unsqueeze(1)] = -1
    own = _own_actions(model, batch, rows)
    padded = pad_sequence(own, batch_first=True)
    targets = dynamic_targets(cursors(padded, lengths, model.actions), pairs, lengths, model.actions, order)
    steps = batch.steps.clone()
    steps[rows] = torch.tensor([len(actions) for actions in own], device=steps.device)
    length = max(batch.actions.shape[1], padded.shape[1])
    return replace(
        batch,
        actions=_with_rows(batch.actions, rows, padded, length),
        targets=_with_rows(batch.targets, rows, targets, length),
        steps=steps,
    )


def _own_actions(model: NeuMatch, batch: Batch, rows: Tensor) -> list[Tensor]:
    model.eval()
    with torch.no_grad():
        joint = None if batch.joint is None else tuple(each[rows] for each in batch.joint)
        encoded = model.encode(tuple(each[rows] for each in batch.features), batch.lengths[rows], joint)
        actions = [torch.from_numpy(path.actions).to(rows.device) for path in greedy(model, encoded)]
    model.train()
    return actions


def _with_rows(whole: Tensor, rows: Tensor, new: Tensor, length: int) -> Tensor:
    """`whole` `[B, T]` with `new` `[R, T']` in `rows`, made `length` long; behind their steps rows hold anything."""
    out = whole.new_zeros(len(whole), length)
    out[:, : whole.shape[1]] = whole
    out[rows, : new.shape[1]] = new
    return out
