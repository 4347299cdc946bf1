import torch
from support.aligners import random_features, small_aligner

from vatt_harmony.align.batch import Batch
from vatt_harmony.align.greedy import greedy
from vatt_harmony.align.train.rollin import let_alone

PC, PS, MRS = 0, 1, 2


def batch():
    """Two clips of the first sentence and a second sentence; one clip of no sentence."""
    lengths = torch.tensor([[2, 2], [1, 1], [2, 2]])
    actions = torch.tensor([[MRS, MRS, PS, PS], [PC, PS, 0, 0], [MRS, MRS, PS, PS]])
    return Batch(
        features=random_features(lengths),
        lengths=lengths,
        joint=None,
        actions=actions,
        targets=actions,
        steps=torch.tensor([4, 2, 4]),
    )


def decided(action):
    """An aligner that takes `action` wherever it may."""
    model = small_aligner(norm="none")
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter.zero_()
        [bias] = [each for name, each in model.head.named_parameters() if each.shape == (3,)]
        bias[action] = 5.0
    return model


def test_pieces_left_alone_take_the_networks_own_actions():
    model, taught = small_aligner(norm="none"), batch()
    found = let_alone(model, taught, torch.tensor([True, False, True]), "lazy")
    own = greedy(model, model.encode(taught.features, taught.lengths))
    for row in (0, 2):
        assert found.actions[row, : found.steps[row]].tolist() == own[row].actions.tolist()
    assert torch.equal(found.actions[1], taught.actions[1]) and torch.equal(found.targets[1], taught.targets[1])
    assert model.training  # as it is while training


def test_targets_save_what_can_be_saved_after_a_mistake():
    found = let_alone(decided(PS), batch(), torch.tensor([True, False, False]), "lazy")
    # It gives up both sentences, then has to give up the clips; the oracle would have matched while that was possible.
    assert found.actions[0].tolist() == [PS, PS, PC, PC]
    assert found.targets[0].tolist() == [MRS, PC, PC, PC]


def test_no_mistake_no_change():
    found = let_alone(decided(MRS), batch(), torch.tensor([True, False, False]), "lazy")
    assert torch.equal(found.actions, batch().actions) and torch.equal(found.targets, batch().targets)


def test_nobody_alone():
    taught = batch()
    assert let_alone(small_aligner(), taught, torch.zeros(3, dtype=torch.bool), "lazy") is taught
