"""Parameters come from validation alone, by the metric that is named."""

import numpy as np
import pytest
from support.alignment import film, seconds

from vatt_harmony.align.baselines.joint import joint_of
from vatt_harmony.align.baselines.registry import BASELINES
from vatt_harmony.align.baselines.tune import Tuned, tune
from vatt_harmony.align.sequence import AlignmentSequence, pairs_of
from vatt_harmony.align.table import evaluate_methods


def noisy(seed: int, noise: float = 0.7) -> AlignmentSequence:
    """Eight sentences with three clips each, and a clip without a sentence behind each."""
    rng = np.random.default_rng(seed)
    sentences = rng.standard_normal((8, 6))
    owners = np.stack([np.repeat(np.arange(8), 3).reshape(8, 3)[:, column] for column in range(3)], axis=1)
    owners = np.concatenate([owners, np.full((8, 1), -1)], axis=1).ravel()
    clips = np.where(owners[:, None] >= 0, sentences[owners], 0) + noise * rng.standard_normal((32, 6))
    spans = np.stack([np.arange(8) * 4, np.arange(8) * 4 + 3], axis=1)
    return film(seconds(32), spans, pairs=pairs_of(owners), joint=(clips, sentences), name=str(seed))


VALIDATION = [noisy(seed) for seed in range(3)]


def test_a_threshold_makes_the_odd_clips_null() -> None:
    tuned = tune(BASELINES["minimum distance"], [noisy(0, noise=0.01)], "accuracy")
    assert tuned.validation == 1
    np.testing.assert_array_equal(tuned(noisy(1, noise=0.01)), noisy(1).labels)


def test_where_no_clip_is_null_nothing_is_made_null_however_far() -> None:
    whole = film(seconds(2), [[0, 1], [1, 2]], pairs=[[0, 0], [1, 1]], joint=([[1, 0.1], [0.1, 1]], np.eye(2)))
    tuned = tune(BASELINES["minimum distance"], [whole], "accuracy")
    assert tuned.describe() == "never null"
    far = film(seconds(2), [[0, 1], [1, 2]], joint=([[-1, -0.9], [-0.9, -1]], np.eye(2)))
    assert tuned(far).tolist() == [1, 0]


@pytest.mark.parametrize("name", BASELINES)
def test_the_best_of_all_that_was_tried_is_kept(name: str) -> None:
    tuned = tune(BASELINES[name], VALIDATION, "accuracy")
    value = evaluate_methods({name: tuned}, VALIDATION).intervals("accuracy")[name].value
    assert tuned.validation == pytest.approx(value)
    for setting in list(BASELINES[name].settings([joint_of(each) for each in VALIDATION]))[::4]:
        other = Tuned(baseline=tuned.baseline, setting=setting, validation=0.0)
        assert evaluate_methods({name: other}, VALIDATION).intervals("accuracy")[name].value <= tuned.validation


def test_gaps_are_half_of_distances_that_occur() -> None:
    joint = joint_of(VALIDATION[0])
    gaps = np.array(BASELINES["Needleman-Wunsch"].settings([joint]))[:, 0]
    assert set(gaps * 2) <= set(joint.distance.ravel())
    assert gaps.min() * 2 == joint.distance.min() and gaps.max() * 2 == joint.distance.max()


def test_the_metric_decides() -> None:
    by = {metric: tune(BASELINES["Needleman-Wunsch"], VALIDATION, metric) for metric in ("accuracy", "iou")}
    table = evaluate_methods(by, VALIDATION)
    for metric, other in (("accuracy", "iou"), ("iou", "accuracy")):
        means = table.intervals(metric)
        assert means[metric].value == pytest.approx(by[metric].validation)
        assert means[metric].value >= means[other].value


def test_parameters_are_told() -> None:
    told = tune(BASELINES["soft-DTW"], VALIDATION, "accuracy").describe()
    assert told.startswith("gamma 0.") and ("null above" in told or "never null" in told)
    assert tune(BASELINES["OTAM"], VALIDATION, "accuracy").describe() == ""


def test_empty_sequences_are_null_and_tune_nothing() -> None:
    empty = film([], [[0, 1]], pairs=[], joint=(np.zeros((0, 6)), np.zeros((1, 6))))
    silent = film(seconds(2), [], pairs=[], joint=(np.zeros((2, 6)), np.zeros((0, 6))))
    for baseline in BASELINES.values():
        tuned = tune(baseline, [empty, silent, VALIDATION[0]], "accuracy")
        assert tuned(empty).tolist() == []
        assert tuned(silent).tolist() == [-1, -1]
    with pytest.raises(ValueError, match="no validation sequence has clips and sentences"):
        tune(BASELINES["DTW"], [empty], "accuracy")
