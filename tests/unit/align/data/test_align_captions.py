from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from vatt_harmony.align.data.captions import read_captions
from vatt_harmony.errors import UserError

CAPTIONS = """end,start,task,text,video_id
60,47,226,second,b
40,30.5,226,first ,b
9,1,1,"alone, here",a
"""


def test_one_film_a_video_in_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text(CAPTIONS)

    (film,) = read_captions(tmp_path / "captions.csv")

    assert film.group == "b"
    assert film.sentences.texts == ("first", "second")
    assert_array_equal(film.clips.spans, [[30.5, 40], [47, 60]])
    assert_array_equal(film.labels, [0, 1])
    assert len(read_captions(tmp_path / "captions.csv", least=1)) == 2


@pytest.mark.parametrize("row", ["x,1,1,text,c", "9"])
def test_a_bad_row_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / "captions.csv").write_text(CAPTIONS + row + "\n")

    with pytest.raises(UserError, match="row 5"):
        read_captions(tmp_path / "captions.csv")


def test_youcook2_has_the_published_sizes(data_root: Path) -> None:
    films = read_captions(data_root / "captions" / "youcook2_val.csv", least=1)

    assert len(films) == 436
    assert sum(len(film.sentences) for film in films) == 3_350
