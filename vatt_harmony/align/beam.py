"""Decoding by the most probable of several paths that are followed side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vatt_harmony.align.encoded import Encoded
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.path import Path, Step, paths, unfinished


@torch.inference_mode()
def beam(model: NeuMatch, encoded: Encoded, width: int) -> list[Path]:
    """The best path found for each of B encoded sequences by keeping `width` partial ones; 1 is `greedy`.

    Paths are compared by the sum of their log-probabilities, without a term for length: under `one_to_many` all have as
    many actions as the sequence has items.
    """
    count, device = len(encoded.lengths), encoded.lengths.device
    origin = torch.arange(count, device=device).repeat_interleave(width)
    state = model.start(encoded).select(origin)
    total = torch.full((count, width), -torch.inf, dtype=torch.float64, device=device)
    total[:, 0] = 0
    steps: list[tuple[Tensor, Step]] = []
    while bool((running := unfinished(model, state.left)).any()):
        scores = _or_stay(model.logits(encoded, state).log_softmax(-1), running)
        total, source, action = _best(total, scores.view(count, width, -1))
        chosen = (source + width * torch.arange(count, device=device).unsqueeze(1)).flatten()
        score = scores[chosen].gather(1, action.view(-1, 1))
        steps.append((source, Step(*(each.view(count, width) for each in (action, score, running[chosen])))))
        state = model.advance(encoded, state.select(chosen), action.flatten())
    return paths(_traced(steps, total), count)


def _or_stay(scores: Tensor, running: Tensor) -> Tensor:
    """Scores `[R, K]` in which finished paths do nothing, at no cost, as action 0."""
    stay = torch.full_like(scores, -torch.inf)
    stay[:, 0] = 0
    return torch.where(running.unsqueeze(-1), scores, stay)


def _best(total: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best W continuations of paths with `total` `[B, W]` and `scores` `[B, W, K]`: totals, sources, actions.

    Equal ones come in the order of actions, as under `max`. An impossible continuation repeats the best one.
    """
    width, actions = scores.shape[1:]
    ranked, place = (total.unsqueeze(-1) + scores).flatten(1).sort(dim=1, descending=True, stable=True)
    ranked, place = ranked[:, :width], place[:, :width]
    place = torch.where(ranked == -torch.inf, place[:, :1], place)
    return ranked, place // actions, place % actions


def _traced(steps: Sequence[tuple[Tensor, Step]], total: Tensor) -> list[Step]:
    """The steps of the path that ended best, for each sequence."""
    place = total.argmax(1, keepdim=True)
    traced = []
    for source, step in reversed(steps):
        traced.append(Step(*(each.gather(1, place).squeeze(1) for each in vars(step).values())))
        place = source.gather(1, place)
    return traced[::-1]
