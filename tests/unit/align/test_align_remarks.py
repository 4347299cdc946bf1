"""Remarks below a table: aligners that match nothing, rows whose streams change places."""

import numpy as np
import pytest
from support.alignment import film, seconds

from vatt_harmony.align.remarks import remarks_on
from vatt_harmony.align.sequence import NULL, Owners

FILMS = [film(seconds(3), seconds(2), name="a"), film(seconds(1), seconds(2), name="b")]
NOTHING: list[Owners] = [np.full(3, NULL), np.full(1, NULL)]
SOMETHING: list[Owners] = [np.array([NULL, NULL, 1]), np.full(1, NULL)]


def test_an_aligner_that_matches_nothing_is_named_with_what_may_help() -> None:
    told = remarks_on(
        {"NeuMATCH": NOTHING, "all null": NOTHING, "other": SOMETHING}, FILMS, "val", ["NeuMATCH", "other"]
    )
    assert len(told) == 1
    assert told[0].startswith(
        "collapsed: NeuMATCH gives no clip of the val films a sentence: its alignments are those of the row all null"
    )
    assert "train.epochs" in told[0] and "network.window" in told[0] and "more films" in told[0]


def test_films_without_clips_say_nothing_about_an_aligner() -> None:
    assert remarks_on({"NeuMATCH": [np.zeros(0, np.int64)]}, [film([], seconds(2))], "test", ["NeuMATCH"]) == []


@pytest.mark.parametrize(
    ("rows", "films", "told"),
    [
        (("OTAM", "Drop-DTW", "DTW"), FILMS, ["Drop-DTW, OTAM: 1 of 2 sequences have more sentences than clips"]),
        (("OTAM",), FILMS, ["OTAM: 1 of 2 sequences have more sentences than clips"]),
        (("DTW",), FILMS, []),
        (("Drop-DTW", "OTAM"), FILMS[:1], []),
    ],
)
def test_rows_whose_streams_change_places_are_named(rows, films, told) -> None:
    lines = remarks_on(dict.fromkeys(rows, SOMETHING[: len(films)]), films, "test", [])
    assert [line.partition(";")[0] for line in lines] == told
