import pytest
import torch

from vatt_harmony.align.positions import position_count, positions


def test_the_published_order_for_two_streams():
    p = positions(torch.tensor([3, 2]), torch.tensor([5, 3]))
    assert p.tolist() == pytest.approx([3, 2, 0.5, 0.5, 2, 2, 1.5, 2 / 3, 1.5, 2 / 3])


def test_three_streams_have_every_ordered_pair():
    p = positions(torch.tensor([3, 2, 1]), torch.tensor([5, 3, 9])).tolist()
    assert len(p) == position_count(3) == 21
    assert p[:9] == pytest.approx([3, 2, 1, 0.5, 0.5, 0.1, 2, 2, 10])
    assert p[9:15] == pytest.approx([3 / 2, 3, 2 / 3, 2, 1 / 3, 1 / 2])
    assert p[15:] == pytest.approx([3 / 2, 3 / 9, 2 / 3, 2 / 9, 9 / 3, 9 / 2])


def test_empty_stacks_count_as_one_item_and_nothing_is_infinite():
    lengths = torch.tensor([[5, 3], [5, 0], [0, 0]])
    assert torch.equal(positions(torch.tensor([0, 2]), lengths[0]), positions(torch.tensor([1, 2]), lengths[0]))
    assert torch.isfinite(positions(torch.zeros_like(lengths), lengths)).all()
