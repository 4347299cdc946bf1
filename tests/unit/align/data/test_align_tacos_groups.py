"""Groups of descriptions: sentences of one time in every stream make a row."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from vatt_harmony.align.actions import streams_set
from vatt_harmony.align.data.tacos import Description, read_descriptions
from vatt_harmony.align.data.tacos_groups import description_groups, same_time
from vatt_harmony.align.oracle import actions_of
from vatt_harmony.align.sequence import Floats


def spans(times: ArrayLike) -> Floats:
    return np.array(times, np.float64).reshape(-1, 2)


def test_items_belong_together_over_others() -> None:
    streams = [spans([[0, 10], [20, 30]]), spans([[2, 12], [50, 60]]), spans([[5, 15], [20, 29], [51, 60]])]
    # The first and the last stream's first items share half of what they need: they meet through the second's.
    assert same_time(streams, 0.6).tolist() == [[0, 0, -1], [1, -1, 1], [-1, 1, 2]]
    assert same_time(streams, 0.5).tolist() == [[0, 0, 0], [1, -1, 1], [-1, 1, 2]]


def test_only_the_longest_overlap_of_both_sides_counts() -> None:
    assert same_time([spans([[0, 10], [1, 11]]), spans([[1, 11]]), spans([])], 0.5).tolist() == [[1, 0, -1]]


def test_a_row_holds_one_item_of_a_stream() -> None:
    streams = [spans([[0, 10], [4, 14]]), spans([[2, 12]]), spans([[4, 14.5]])]
    rows = same_time(streams, 0.5)
    assert rows.tolist() == [[0, 0, -1], [1, -1, 0]]


def test_rows_do_not_cross() -> None:
    rows = same_time([spans([[0, 10], [20, 30]]), spans([[20, 30], [0, 10]]), spans([])], 0.5)
    assert rows.tolist() == [[0, 1, -1]]


def described(number: int, count: int) -> Description:
    times = np.stack([np.arange(count), np.arange(count) + 1], axis=1).astype(np.float64)
    return Description(video="video", number=number, texts=tuple(map(str, range(count))), spans=times)


def test_groups_are_of_those_that_follow_cyclically() -> None:
    told = [described(number, 5) for number in range(4)] + [described(9, 4)]
    names = [group.name.removeprefix("video_") for group in description_groups(told, 3, partners=5)]
    assert names == ["00_01_02", "01_02_03", "02_03_00", "03_00_01"]
    assert description_groups(told, 3, 1)[0].pairs is not None
    assert description_groups(told[:2], 3, 1) == []


def test_every_group_of_tacos_can_be_aligned(data_root: Path) -> None:
    folder = data_root / "alignment" / "tacos"
    if not folder.is_dir():
        pytest.skip(f"no TACoS at {folder}")
    rows = np.zeros(4)
    for descriptions in read_descriptions(folder / "val.json").values():
        for group in description_groups(descriptions, 3, 1):
            assert group.pairs is not None
            actions_of(group.pairs, group.lengths, streams_set(3))
            rows += np.bincount((group.pairs >= 0).sum(1), minlength=4)
    assert rows[2] > 0 and rows[3] > rows[2] / 3
