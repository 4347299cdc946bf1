"""Three streams as every two of them."""

from dataclasses import replace

import numpy as np
from support.alignment import film, seconds

from vatt_harmony.align.couples import couples, pairs_of_couples

TWO = film(seconds(2), [[0, 1]], pairs=[[0, 0]])
THREE = replace(TWO, streams=(*TWO.streams, TWO.clips), pairs=np.array([[0, -1, 0], [1, 0, -1]]))


def test_two_streams_are_left_alone() -> None:
    assert couples(TWO) == [TWO]


def test_three_streams_are_three_couples_of_one_group() -> None:
    found = couples(THREE)
    assert [each.name for each in found] == ["film.01", "film.02", "film.12"]
    assert {each.group for each in found} == {"film"}
    assert [each.lengths for each in found] == [(2, 1), (2, 2), (1, 2)]
    assert [each.pairs.tolist() for each in found] == [[[1, 0]], [[0, 0]], []]
    assert [pairs.tolist() for pairs in pairs_of_couples(THREE.pairs)] == [each.pairs.tolist() for each in found]


def test_without_truth_there_are_no_pairs() -> None:
    assert [each.pairs for each in couples(replace(THREE, pairs=None))] == [None] * 3
