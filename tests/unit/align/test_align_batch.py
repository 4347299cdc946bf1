import numpy as np
import torch

from vatt_harmony.align.batch import collate
from vatt_harmony.align.data.pieces import Piece


def piece(clips, sentences, actions, joint=True):
    features = tuple(np.full((n, 2), value, np.float32) for n, value in ((clips, 1.0), (sentences, 2.0)))
    return Piece(
        name="piece", features=features, joint=features if joint else None, actions=np.array(actions, np.int64)
    )


def test_pieces_of_several_lengths_are_padded():
    batch = collate([piece(2, 1, [2, 2, 1]), piece(1, 3, [2, 1, 1, 1])])
    assert [tuple(each.shape) for each in batch.features] == [(2, 2, 2), (2, 3, 2)]
    assert batch.features[0][1].tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert batch.lengths.tolist() == [[2, 1], [1, 3]]
    assert batch.actions.tolist() == [[2, 2, 1, 0], [2, 1, 1, 1]]
    assert batch.steps.tolist() == [3, 4]
    assert torch.equal(batch.targets, batch.actions)


def test_joint_features_only_where_all_have_them():
    assert collate([piece(1, 1, [2, 1])]).joint is not None
    assert collate([piece(1, 1, [2, 1]), piece(1, 1, [2, 1], joint=False)]).joint is None


def test_to_a_device():
    moved = collate([piece(1, 2, [2, 1, 1])]).to(torch.device("meta"))
    tensors = (*moved.features, *moved.joint, moved.lengths, moved.actions, moved.targets, moved.steps)
    assert {each.device.type for each in tensors} == {"meta"}
