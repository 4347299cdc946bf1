import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vatt_harmony.align.data.yms import read_yms, read_yms_split
from vatt_harmony.errors import UserError

CLIPS = """0000/0000_00.00.00.000-00.00.02.000
0000/0000_00.00.02.000-00.00.03.000
0000/0000_00.00.03.000-00.01.02.500
0001/0001_01.00.00.250-01.00.01.000
"""
PHRASES = """0000_00.00.00.500-00.00.02.000\tA man enters.\x20
0000_00.00.02.000-00.00.03.000\tUNMATCHED
0000_00.00.03.000-00.00.30.000\tUNMATCHED:without a blank
0000_00.00.30.000-00.00.31.000\tUNMATCHED:  with two
0000_00.00.31.000-00.01.02.500\t
0001_01.00.00.250-01.00.01.000\tHe leaves.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clip_segmentation.txt").write_text(CLIPS)
    (tmp_path / "annotations_phrases.txt").write_text(PHRASES)
    return tmp_path


def test_reads_intervals_and_leaves_out_what_has_no_counterpart(folder: Path) -> None:
    films = read_yms(folder)

    assert list(films) == ["0000", "0001"]
    film = films["0000"]
    assert film.sentences.texts == ("A man enters.", "")
    assert_array_equal(film.clips.spans, [[0, 2], [2, 3], [3, 62.5]])
    assert_array_equal(film.sentences.spans, [[0.5, 2], [31, 62.5]])
    assert_array_equal(film.labels, [0, -1, 1])
    assert films["0001"].clips.spans.tolist() == [[3600.25, 3601]]


def test_texts_that_nothing_shows_can_be_kept_without_times(folder: Path) -> None:
    film = read_yms(folder, unmatched=True)["0000"]

    assert film.sentences.texts == ("A man enters.", "without a blank", "with two", "")
    assert_array_equal(np.isnan(film.sentences.spans).any(axis=1), [False, True, True, False])
    assert_array_equal(film.labels, [0, -1, 3])


@pytest.mark.parametrize("row", ["0000_00.00.01-00.00.02\tno thousandths", "no annotation"])
def test_a_row_that_cannot_be_read_is_named(folder: Path, row: str) -> None:
    with (folder / "annotations_phrases.txt").open("a") as file:
        file.write(row + "\n")

    with pytest.raises(UserError, match="row 7"):
        read_yms(folder)


def test_a_video_may_have_no_texts(folder: Path) -> None:
    with (folder / "clip_segmentation.txt").open("a") as file:
        file.write("0002/0002_00.00.00.000-00.00.02.000\n")

    assert read_yms(folder)["0002"].lengths == (1, 0)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"clip_segmentation\.txt"):
        read_yms(tmp_path)


def test_train_is_what_no_other_list_names(tmp_path: Path) -> None:
    named = {"excluded": ["3"], "val": ["1"], "test": ["0"], "train": "the rest"}
    (tmp_path / "splits.json").write_text(json.dumps(named))

    split = read_yms_split(tmp_path, ["0", "1", "2", "3", "4"])

    assert split == {"train": ["2", "4"], "val": ["1"], "test": ["0"]}


def test_the_real_annotations_have_no_overlap_and_no_order_violation(data_root: Path) -> None:
    films = read_yms(data_root / "alignment" / "yms")

    assert len(films) == 94
    for film in films.values():
        for stream in film.streams:
            assert (stream.spans[1:, 0] >= stream.spans[:-1, 1]).all()
        assert film.labels is not None
        assert (np.diff(film.labels[film.labels >= 0]) >= 0).all()
