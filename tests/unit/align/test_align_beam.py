"""Beam search: one path is greedy, more are never worse on short sequences, all of them find the best."""

import math

import numpy as np
import pytest
import torch

from tests.support.aligners import random_features, small_aligner, undecided
from vatt_harmony.align.beam import beam
from vatt_harmony.align.encoded import Encoded
from vatt_harmony.align.greedy import greedy
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.state import State

LENGTHS = torch.tensor([[5, 4], [1, 1], [3, 6], [0, 2], [0, 0]])
SHORT = torch.tensor([[3, 2], [2, 3], [1, 2]])


def best_score(model: NeuMatch, encoded: Encoded, state: State) -> float:
    """Log-probability of the best of all paths from the state of one alignment."""
    legal = model.actions.legal(state.left[0])
    if not legal.any():
        return 0.0
    scores = model.logits(encoded, state).log_softmax(-1)[0]
    best = -math.inf
    for action in torch.nonzero(legal)[:, 0]:
        after = model.advance(encoded, state, action.view(1))
        best = max(best, float(scores[action]) + best_score(model, encoded, after))
    return best


@pytest.mark.parametrize("actions", ["one_to_many", "five"])
def test_a_beam_of_one_is_greedy(actions: str) -> None:
    model = small_aligner(actions=actions)
    encoded = model.encode(random_features(LENGTHS), LENGTHS)
    for one, path in zip(beam(model, encoded, 1), greedy(model, encoded), strict=True):
        np.testing.assert_array_equal(one.actions, path.actions)
        np.testing.assert_allclose(one.log_probabilities, path.log_probabilities)


@torch.no_grad()
@pytest.mark.parametrize("actions", ["one_to_many", "five", "streams"])
def test_a_beam_of_all_paths_finds_the_best(actions: str) -> None:
    gains = []
    for seed in range(4):
        model = undecided(small_aligner(actions=actions, seed=seed))
        encoded = model.encode(random_features(SHORT, seed), SHORT)
        for row, (path, one) in enumerate(zip(beam(model, encoded, 150), greedy(model, encoded), strict=True)):
            start = model.start(encoded).select(torch.tensor([row]))
            assert path.score == pytest.approx(best_score(model, encoded, start), abs=1e-5)
            gains.append(path.score - one.score)
    assert max(gains) > 1e-3


def test_a_beam_wider_than_there_are_paths_takes_no_more_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = torch.tensor([[0, 3]])
    model, steps = small_aligner(), list[int]()
    advance = model.advance
    monkeypatch.setattr(model, "advance", lambda *state: steps.append(1) or advance(*state))
    (path,) = beam(model, model.encode(random_features(lengths), lengths), 8)
    assert path.actions.tolist() == [1, 1, 1]
    assert len(steps) == 3


def test_a_sequence_keeps_its_paths_in_a_batch() -> None:
    model, features = small_aligner(), random_features(LENGTHS)
    together = beam(model, model.encode(features, LENGTHS), 4)
    for row, lengths in enumerate(LENGTHS):
        own = tuple(each[row : row + 1, : int(n)] for each, n in zip(features, lengths, strict=True))
        (alone,) = beam(model, model.encode(own, lengths[None]), 4)
        np.testing.assert_array_equal(alone.actions, together[row].actions)
