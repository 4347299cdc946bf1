"""Which rows stand in a table, and why others do not."""

import numpy as np
import pytest
from support.alignment import film, seconds

from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.baselines.registry import BASELINES
from vatt_harmony.align.comparison import NAMES, chosen_names, comparison
from vatt_harmony.errors import UserError

JOINT = (np.eye(3), np.eye(3)[[0, 2]])
WHOLE = film(seconds(3), [[0, 1], [2, 3]], pairs=[[0, 0], [2, 1]], joint=JOINT)


def test_all_rows_where_the_data_defines_them() -> None:
    rows = comparison([WHOLE], [WHOLE], NAMES)
    assert tuple(rows.methods) == NAMES
    assert rows.left_out == {}
    assert set(rows.parameters()) == set(BASELINES)
    assert rows.methods["minimum distance"](WHOLE).tolist() == [0, -1, 1]


def test_rows_are_left_out_with_the_reason() -> None:
    unknown = np.full((3, 2), np.nan)
    bare = film(unknown, [[0, 1], [2, 3]], pairs=[[0, 0]], texts=())
    rows = comparison([bare], [bare])
    assert tuple(rows.methods) == ("all null", "diagonal by count", "oracle")
    assert rows.left_out["word share"] == "times of clips are not known"
    assert {rows.left_out[name] for name in BASELINES} == {"there are no features in a shared space"}
    silent = film(seconds(3), [[0, 1], [2, 3]], texts=())
    assert comparison([silent], [], ["word share"]).left_out == {"word share": "there are no texts"}
    assert "DTW" in comparison([WHOLE], [silent], ["DTW"]).left_out
    untuned = comparison([WHOLE], [], [*FEATURE_FREE, "DTW"])
    assert untuned.left_out == {"DTW": "there is no validation split to tune it on"}


def test_progress_is_told_what_is_tuned() -> None:
    told: list[str] = []
    comparison([WHOLE], [WHOLE], ["oracle", "DTW", "OTAM"], progress=told.append)
    assert told == ["DTW", "OTAM"]


def test_names_are_chosen_in_any_case() -> None:
    assert chosen_names("all") == NAMES
    assert chosen_names("none") == ()
    assert chosen_names("dtw, Word Share") == ("DTW", "word share")
    with pytest.raises(UserError, match=r"no baseline 'dwt'.*Choose from all null, "):
        chosen_names("dtw,dwt")
    assert not any("," in name for name in NAMES)
