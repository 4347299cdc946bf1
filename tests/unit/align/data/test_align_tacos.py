import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vatt_harmony.align.data.tacos import Description, description_pairs, pair, read_descriptions
from vatt_harmony.errors import UserError


def described(number: int, spans: list[list[float]]) -> Description:
    texts = tuple(f"{number}.{place}" for place in range(len(spans)))
    return Description(video="v", number=number, texts=texts, spans=np.array(spans, float))


def test_a_new_description_begins_where_the_start_time_falls(tmp_path: Path) -> None:
    told = {
        "timestamps": [[0, 10], [10, 20], [5, 20], [5, 30], [0, 30]],
        "sentences": ["a", " b", "c", "d ", "e"],
        "fps": 10,
        "num_frames": 30,
    }
    (tmp_path / "x.json").write_text(json.dumps({"s1-d1.avi": told}))

    first, second, third = read_descriptions(tmp_path / "x.json")["s1-d1"]

    assert (first.texts, second.texts, third.texts) == (("a", "b"), ("c", "d"), ("e",))
    assert_allclose(second.spans, [[0.5, 2], [0.5, 3]])


def test_pairs_of_two_descriptions_may_be_many_to_one_and_none() -> None:
    first = described(0, [[0, 6], [6, 10], [10, 11]])
    second = described(1, [[0, 10], [10, 30]])

    found = pair(first, second)

    assert found.name == "v_00_01"
    assert found.group == "v"
    assert_array_equal(found.labels, [0, -1, -1])
    assert_array_equal(pair(first, second, threshold=0.3).labels, [0, 0, -1])


def test_each_description_meets_the_following_ones_but_never_itself() -> None:
    long = [described(number, [[0, 1]] * 5) for number in range(3)]

    found = description_pairs([*long, described(9, [[0, 1]])], partners=7)

    names = sorted(each.name for each in found)
    assert names == ["v_00_01", "v_00_02", "v_01_00", "v_01_02", "v_02_00", "v_02_01"]


@pytest.mark.parametrize("content", ['{"v": {"sentences": []}}', "[]", "no json"])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)

    with pytest.raises(UserError, match=r"x\.json"):
        read_descriptions(tmp_path / "x.json")


def test_the_real_set_has_the_published_sizes_and_keeps_order(data_root: Path) -> None:
    folder = data_root / "alignment" / "tacos"
    sets = [read_descriptions(folder / f"{split}.json") for split in ("train", "val", "test")]

    assert [len(videos) for videos in sets] == [75, 27, 25]
    every = [descriptions for videos in sets for descriptions in videos.values()]
    counts = [len(descriptions) for descriptions in every]
    assert (min(counts), max(counts), round(np.mean(counts), 1)) == (10, 27, 17.4)
    assert sum(len(each) for descriptions in every for each in descriptions) == 18_227
    for descriptions in sets[2].values():
        for found in description_pairs(descriptions, 1):
            assert found.labels is not None
            assert (np.diff(found.labels[found.labels >= 0]) >= 0).all()
