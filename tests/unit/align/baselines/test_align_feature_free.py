"""The five rows without features: by hand on a small film, and to the printed digit on YouTube Movie Summaries."""

from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from support.alignment import film, seconds

from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.data.yms import Texts, read_yms, read_yms_split
from vatt_harmony.align.metrics import scores

SMALL = film(
    [[0, 1], [1, 2], [2, 6], [6, 8]],
    [[0, 1], [2, 5]],
    pairs=[[0, 0], [2, 1]],
    texts=["one", "two three four"],
)


@pytest.mark.parametrize(
    ("row", "owners"),
    [
        ("all null", [-1, -1, -1, -1]),
        ("diagonal by count", [0, 0, 1, 1]),
        ("diagonal by time", [0, 0, 1, 1]),
        ("word share", [0, 0, 1, 1]),
        ("oracle", [0, -1, 1, -1]),
    ],
)
def test_rows_by_hand(row: str, owners: list[int]) -> None:
    assert FEATURE_FREE[row](SMALL).tolist() == owners


def test_the_diagonal_rounds_down() -> None:
    assert FEATURE_FREE["diagonal by count"](film(seconds(5), seconds(3))).tolist() == [0, 0, 1, 1, 2]


def test_words_are_read_at_one_speed() -> None:
    """Middles at 1/12, 3/12 … 11/12; the shares of read words are 1/4, 1/4 and 1: an empty text has no time."""
    told = film(seconds(6), np.full((3, 2), np.nan), texts=["one", "", "two three four"])
    assert FEATURE_FREE["word share"](told).tolist() == [0, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("row", FEATURE_FREE)
def test_empty_sequences(row: str) -> None:
    assert FEATURE_FREE[row](film([], [[0, 1]], pairs=[])).tolist() == []
    assert FEATURE_FREE[row](film(seconds(2), [], pairs=[])).tolist() == [-1, -1]


@pytest.mark.parametrize("row", FEATURE_FREE)
def test_a_clip_of_no_length(row: str) -> None:
    assert len(FEATURE_FREE[row](film([[3, 3]], [[0, 5]], pairs=[]))) == 1


PRINTED: dict[Texts, dict[str, tuple[tuple[float, float], tuple[float, float]]]] = {
    "phrases": {
        "all null": ((12.0, 0.0), (15.1, 0.0)),
        "diagonal by count": ((13.1, 9.4), (9.2, 6.2)),
        "diagonal by time": ((11.4, 9.2), (7.9, 6.0)),
        "word share": ((13.6, 8.4), (14.3, 9.3)),
        "oracle": ((98.2, 96.1), (98.5, 96.4)),
    },
    "sentences": {
        "all null": ((5.6, 0.0), (5.2, 0.0)),
        "diagonal by count": ((21.2, 14.6), (19.5, 13.4)),
        "diagonal by time": ((30.1, 22.8), (27.8, 20.8)),
        "word share": ((30.8, 20.1), (44.8, 31.5)),
        "oracle": ((97.6, 92.9), (97.2, 91.2)),
    },
}
"""Clip accuracy and sentence IoU in percent, val and test, mean over videos; measured apart from this package."""


@pytest.mark.parametrize("texts", PRINTED)
def test_youtube_movie_summaries_to_the_printed_digit(data_root: Path, texts: Texts) -> None:
    films = read_yms(data_root / "alignment" / "yms", texts)
    split = read_yms_split(data_root / "alignment" / "yms", list(films))
    for row, printed in PRINTED[texts].items():
        for part, expected in zip(("val", "test"), printed, strict=True):
            found = [scores(films[video], FEATURE_FREE[row](films[video])) for video in split[part]]
            measured = [round(100 * fmean(getattr(each, field) for each in found), 1) for field in ("accuracy", "iou")]
            assert measured == list(expected), (row, part)
