"""Runs of the balancing study on a made task: records, the choice of settings, going on where it was left."""

from pathlib import Path

import pytest
import torch

from vatt_harmony.scale.balance_study import train
from vatt_harmony.scale.balance_study.arms import RATES, Setting, arm_named, arms
from vatt_harmony.scale.balance_study.batches import BATCH, Shifted
from vatt_harmony.scale.balance_study.fold import Fold
from vatt_harmony.scale.balance_study.jobs import SEEDS, Job, jobs
from vatt_harmony.scale.balance_study.records import append, packed, read, unpacked
from vatt_harmony.scale.balance_study.runs import run
from vatt_harmony.scale.balance_study.task import FOLDS, MODALITIES, PICTURE, SOUND, Task


@pytest.fixture(scope="module")
def made() -> Fold:
    """100 clips of 3 classes: the sound says which, the picture says it faintly."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(100) % 3
    picture = torch.randn(100, 2, 8, 8, generator=generator) + 0.3 * labels[:, None, None, None]
    sound = torch.randn(100, 1, 8, 8, generator=generator) + labels[:, None, None, None]
    task = Task(inputs={PICTURE: picture, SOUND: sound}, labels=labels, fold=torch.arange(100) // 20, classes=3)
    return Fold(task, Shifted.of(task), 0)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "STEPS", 2)


def job(arm: str, seed: int = 0) -> Job:
    return Job(task="made", arm=arm, fold=0, seed=seed)


@pytest.mark.filterwarnings("ignore:The point is grad")
def test_every_arm_runs_and_its_record_comes_back_as_it_was(made: Fold, tmp_path: Path) -> None:
    known = {}
    for arm in arms():
        known[job(arm.name)] = run(job(arm.name), made, known)
        append(tmp_path, known[job(arm.name)])
        assert len(known[job(arm.name)].trials) == 6
    assert read(tmp_path) == list(known.values())


def test_every_arm_is_tuned_over_as_many_settings_and_the_same_rates() -> None:
    for arm in arms():
        assert len(arm.settings) == 6
        assert {setting.rate for setting in arm.settings} == set(RATES[arm.optimizer])


def test_the_setting_is_that_of_the_best_validation_accuracy_and_is_kept_for_other_seeds(made: Fold) -> None:
    first = run(job("joint, SGD"), made, {})
    accuracies = [trial.validation["fused"] for trial in first.trials]
    assert accuracies[first.chosen["fused"]] == max(accuracies)
    second = run(job("joint, SGD", seed=1), made, {job("joint, SGD"): first})
    assert second.chosen == first.chosen
    assert second.trials == []


def test_networks_trained_alone_have_a_setting_for_each_modality_and_an_ensemble(made: Fold) -> None:
    record = run(job("alone, SGD"), made, {})
    assert set(record.chosen) == set(MODALITIES)
    assert set(record.hits) == {*MODALITIES, "ensemble"}


def test_training_both_networks_at_once_is_training_each_alone(made: Fold) -> None:
    slow, fast = (Setting(rate=rate, decay=0.01) for rate in (0.01, 0.1))
    one, other = (
        train.train_alone(made, arm_named("alone, AdamW"), {PICTURE: slow, SOUND: sound}, 0) for sound in (slow, fast)
    )
    inputs = made.inputs("val")
    assert torch.equal(one.logits(inputs)[PICTURE], other.logits(inputs)[PICTURE])
    assert not torch.equal(one.logits(inputs)[SOUND], other.logits(inputs)[SOUND])


def test_the_control_holds_the_mean_coefficients_of_the_tuning_runs_it_controls(made: Fold) -> None:
    balanced = run(job("mlb grad, SGD"), made, {})
    held = run(job("constant, SGD"), made, {job("mlb grad, SGD"): balanced})
    assert [trial.k for trial in held.trials] == [pytest.approx(trial.k, abs=1e-3) for trial in balanced.trials]
    assert held.deviation[0] == held.deviation[-1]


def test_the_same_job_gives_the_same_record(made: Fold) -> None:
    one, other = (run(job("mlb lr, AdamW"), made, {}) for _ in range(2))
    assert (one.hits, one.probes, one.k) == (other.hits, other.probes, other.k)


def test_parts_of_a_fold_are_disjoint_and_every_clip_is_tested_once(made: Fold) -> None:
    for fold in range(FOLDS):
        parts = torch.cat([made.task.part(part, fold) for part in ("train", "val", "test")])
        assert sorted(parts.tolist()) == list(range(100))
    tested = torch.cat([made.task.part("test", fold) for fold in range(FOLDS)])
    assert sorted(tested.tolist()) == list(range(100))


def test_an_epoch_shows_each_clip_once_in_an_order_of_its_own(made: Fold) -> None:
    places = torch.arange(BATCH)
    ((inputs, labels),) = Shifted.of(made.task).epoch(places, seed=0, number=0)
    assert sorted(labels.tolist()) == sorted(made.task.labels[:BATCH].tolist())
    ((others, _),) = Shifted.of(made.task).epoch(places, seed=0, number=1)
    assert not torch.equal(inputs[SOUND], others[SOUND])


def test_hits_come_back_from_their_digits() -> None:
    hits = torch.arange(13) % 3 == 0
    assert unpacked(packed(hits), 13).tolist() == hits.float().tolist()


def test_every_control_comes_after_what_it_controls_and_every_choice_before_its_use() -> None:
    order = {job: place for place, job in enumerate(jobs())}
    assert len(SEEDS) >= 5
    for each, place in order.items():
        controlled = arm_named(each.arm).control_of
        assert order[each.first_seed] <= place
        assert not controlled or order[Job(task=each.task, arm=controlled, fold=each.fold, seed=0)] < place
