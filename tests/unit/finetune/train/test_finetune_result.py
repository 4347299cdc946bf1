import math

import numpy as np
import pytest

from vatt_harmony.finetune.train.result import Predictions, Result, figures, mean_and_error, mean_and_interval


def result(**test: float) -> Result:
    predictions = Predictions(
        keys=("a", "b"),
        targets=np.array([0, 1]),
        outputs={"fused": np.eye(2, dtype=np.float32), "without a": np.eye(2)},
    )
    return Result(
        best_epoch=2, validation={"accuracy": 0.5, "auc": math.nan}, test=test, history=[{"epoch": 1, "x": math.nan}],
        trace=[{"step": 1}], updates=4, seconds=1.5, failures={"train": {"audio: empty": 1}}, predictions=predictions,
    )  # fmt: skip


def test_a_result_comes_back_from_its_folder(tmp_path):
    assert Result.load(tmp_path) is None
    before = result(accuracy=0.75)
    before.save(tmp_path)
    after = Result.load(tmp_path)
    assert after.test == {"accuracy": 0.75} and after.failures == before.failures and after.updates == 4
    assert math.isnan(after.validation["auc"]) and math.isnan(after.history[0]["x"])
    assert after.predictions.keys == ("a", "b")
    assert np.array_equal(after.predictions.outputs["without a"], np.eye(2))


def test_means_over_seeds_with_errors_and_intervals():
    assert mean_and_error([1.0, 2.0, 3.0]) == pytest.approx((2.0, 1 / math.sqrt(3)))
    assert mean_and_interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2 - 2.48414, 2 + 2.48414), abs=1e-5)  # t 4.30265
    mean, low, high = mean_and_interval([1.0])
    assert mean == 1.0 and math.isnan(low) and math.isnan(high)


def test_figures_are_those_that_all_seeds_have():
    told = figures([result(accuracy=0.5, top5=1.0), result(accuracy=0.7)])
    assert [(each.id, each.value, each.n) for each in told] == [("test/accuracy", pytest.approx(0.6), 2)]
    assert told[0].low < 0.6 < told[0].high
    [alone] = figures([result(auc=math.nan)])
    assert alone.value is None and alone.low is None and not alone.holds
