"""What actions did: cursors and pairs."""

import numpy as np
import torch

from vatt_harmony.align.actions import FIVE, ONE_TO_MANY, streams_set
from vatt_harmony.align.trace import alignment_of, cursors, made_pairs


def test_cursors_before_each_step() -> None:
    actions = torch.tensor([[0, 2, 1, 2, 1], [1, 0, 0, 0, 0]])  # PC MRS PS MRS PS; PS PC, padded
    left = cursors(actions, torch.tensor([[3, 2], [1, 1]]), ONE_TO_MANY)
    assert left.tolist() == [
        [[3, 2], [2, 2], [1, 2], [1, 1], [0, 1]],
        [[1, 1], [1, 0], [0, 0], [0, 0], [0, 0]],
    ]


def test_padding_makes_no_pairs() -> None:
    match = FIVE.index("M")
    rows = made_pairs(torch.tensor([[match, match, match]]), torch.tensor([[1, 2]]), FIVE)
    assert rows.tolist() == [[[0, 0], [-1, -1], [-1, -1]]]


def test_streams_without_part_are_null() -> None:
    three = streams_set(3)
    actions = np.array([three.index(name) for name in ("P0", "M02", "M12", "P1")])
    assert alignment_of(actions, (2, 2, 2), three).tolist() == [[1, -1, 0], [-1, 0, 1]]


def test_no_actions_make_no_pairs() -> None:
    pairs = alignment_of(np.zeros(0, dtype=np.int64), (0, 0), ONE_TO_MANY)
    assert pairs.shape == (0, 2) and pairs.dtype == np.int64
