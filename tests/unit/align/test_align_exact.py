"""Exact decoding: the best of all paths, where the scores do not depend on the way."""

import numpy as np
import pytest
import torch

from tests.support.aligners import random_features, small_aligner, undecided
from tests.unit.align.test_align_beam import SHORT, best_score
from vatt_harmony.align import exact as module
from vatt_harmony.align.beam import beam
from vatt_harmony.align.exact import exact
from vatt_harmony.errors import UserError


@torch.no_grad()
@pytest.mark.parametrize("actions", ["one_to_one", "one_to_many", "five", "streams"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_the_best_of_all_paths(actions: str, seed: int) -> None:
    lengths = torch.tensor([[2, 2, 1], [1, 2, 2], [0, 1, 1]]) if actions == "streams" else SHORT
    lengths = lengths[[0]] if actions == "one_to_one" else lengths
    model = undecided(small_aligner(lengths.shape[1], seed, actions=actions, history=False))
    encoded = model.encode(random_features(lengths, seed), lengths)
    for row, path in enumerate(exact(model, encoded)):
        start = model.start(encoded).select(torch.tensor([row]))
        assert path.score == pytest.approx(best_score(model, encoded, start), abs=1e-5)
        assert model.pops[torch.from_numpy(path.actions)].sum(0).tolist() == lengths[row].tolist()


def test_no_beam_beats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATES", 5)
    lengths = torch.tensor([[12, 9], [8, 14], [0, 3], [3, 0], [0, 0]])
    for mask in ("legal", "none"):
        model = undecided(small_aligner(history=False, mask=mask))
        encoded = model.encode(random_features(lengths), lengths)
        for best, kept in zip(exact(model, encoded), beam(model, encoded, 4), strict=True):
            assert best.score >= kept.score - 1e-6


def test_its_score_is_that_of_its_actions() -> None:
    lengths = torch.tensor([[6, 4]])
    model = small_aligner(history=False)
    encoded = model.encode(random_features(lengths), lengths)
    (path,) = exact(model, encoded)
    state, scores = model.start(encoded), []
    for action in torch.from_numpy(path.actions):
        scores.append(float(model.logits(encoded, state).log_softmax(-1)[0, action].detach()))
        state = model.advance(encoded, state, action.view(1))
    np.testing.assert_allclose(path.log_probabilities, scores, atol=1e-5)


def test_a_network_with_history_is_refused() -> None:
    lengths = torch.tensor([[2, 2]])
    model = small_aligner()
    with pytest.raises(UserError, match="reads its past actions"):
        exact(model, model.encode(random_features(lengths), lengths))
