"""One table of methods: means over films, differences, pooled values."""

import numpy as np
import pytest
from support.alignment import film, seconds

from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.table import evaluate_methods
from vatt_harmony.errors import UserError

FILMS = [
    film(seconds(2), [[0, 1]], pairs=[[0, 0]], name="a1", group="a"),
    film(seconds(4), [[0, 4]], pairs=[[0, 0], [1, 0], [2, 0], [3, 0]], name="a2", group="a"),
    film(seconds(10), [[0, 5]], pairs=[[i, 0] for i in range(5)], name="b", group="b"),
]


def test_a_table_of_rows_over_films() -> None:
    table = evaluate_methods({name: FEATURE_FREE[name] for name in ("all null", "diagonal by time", "oracle")}, FILMS)
    np.testing.assert_allclose(table.values("all null", "accuracy"), [0.5, 0, 0.5])
    means = table.intervals("accuracy")
    # Film a: the mean of its two sequences.
    assert means["all null"].value == pytest.approx((0.25 + 0.5) / 2)
    assert means["all null"].n == 2
    assert means["oracle"].low == means["oracle"].high == 1
    assert table.pooled["all null"].accuracy == pytest.approx(6 / 16)
    leads = table.differences("accuracy", of="oracle")
    assert set(leads) == {"all null", "diagonal by time"}
    assert leads["diagonal by time"].value == pytest.approx((0.25 + 0.5) / 2)


def test_a_table_of_one_method_has_no_differences() -> None:
    assert evaluate_methods({"oracle": FEATURE_FREE["oracle"]}, FILMS).differences("accuracy", of="oracle") == {}


def test_films_of_two_kinds_of_truth_are_refused() -> None:
    """One has times and no pairs, the other pairs and no times: as one film they cannot be scored."""
    untimed = film(np.full((2, 2), np.nan), np.full((1, 2), np.nan), pairs=[[0, 0]], name="untimed")
    with pytest.raises(UserError, match="neither times of all films nor pairs of all"):
        evaluate_methods({"oracle": FEATURE_FREE["oracle"]}, [film(seconds(2), [[0, 1]]), untimed])
