"""Greedy decoding: the best action at each step, whatever else is in the batch."""

import numpy as np
import pytest
import torch

from tests.support.aligners import random_features, small_aligner
from vatt_harmony.align.batch import Batch
from vatt_harmony.align.greedy import greedy
from vatt_harmony.align.trace import cursors

LENGTHS = torch.tensor([[5, 3], [1, 1], [7, 6], [0, 2], [4, 0], [0, 0]])


@pytest.mark.parametrize("actions", ["one_to_one", "one_to_many", "five", "streams"])
def test_every_step_is_legal_and_the_end_is_reached(actions: str) -> None:
    lengths = torch.cat([LENGTHS, LENGTHS[:, :1]], dim=1) if actions == "streams" else LENGTHS
    lengths = lengths[[0, 1, 2, 4, 5]]
    model = small_aligner(lengths.shape[1], actions=actions)
    for row, path in enumerate(greedy(model, model.encode(random_features(lengths), lengths))):
        taken = torch.from_numpy(path.actions)
        left = cursors(taken, lengths[row], model.actions)
        assert model.actions.legal(left).gather(1, taken[:, None]).all()
        assert model.pops[taken].sum(0).tolist() == lengths[row].tolist()
        assert (path.log_probabilities <= 0).all()


def test_a_sequence_is_decoded_the_same_alone_and_in_a_padded_batch() -> None:
    model, features = small_aligner(), random_features(LENGTHS)
    together = greedy(model, model.encode(features, LENGTHS))
    for row, lengths in enumerate(LENGTHS):
        own = tuple(each[row : row + 1, : int(n)] for each, n in zip(features, lengths, strict=True))
        (alone,) = greedy(model, model.encode(own, lengths[None]))
        np.testing.assert_array_equal(alone.actions, together[row].actions)
        np.testing.assert_allclose(alone.log_probabilities, together[row].log_probabilities, atol=1e-5)


def test_teacher_forcing_on_its_own_actions_gives_its_probabilities() -> None:
    lengths = LENGTHS[:1]
    model, features = small_aligner(), random_features(lengths)
    (path,) = greedy(model, model.encode(features, lengths))
    actions = torch.from_numpy(path.actions)[None]
    batch = Batch(
        features=features, lengths=lengths, joint=None, actions=actions, targets=actions, steps=lengths.sum(1)
    )
    forced = model(batch).log_softmax(-1)
    assert torch.equal(forced.argmax(-1), actions)
    np.testing.assert_allclose(forced.amax(-1)[0].detach(), path.log_probabilities, atol=1e-5)


def test_without_masks_a_sequence_ends_with_its_first_empty_stack() -> None:
    model = small_aligner(mask="none")
    for row, path in enumerate(greedy(model, model.encode(random_features(LENGTHS), LENGTHS))):
        left = LENGTHS[row] - model.pops[torch.from_numpy(path.actions)].sum(0)
        assert int(left.min()) == 0 and (left >= 0).all()
