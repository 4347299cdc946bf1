"""What records of the balancing study say: means over clips and seeds, paired differences, tables, the row, plots."""

import json
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from vatt_harmony.scale.balance_study import compare
from vatt_harmony.scale.balance_study.arms import ALONE, arm_named, arms
from vatt_harmony.scale.balance_study.compare import fused, hits, probed, table_of, two_way
from vatt_harmony.scale.balance_study.data import AV_DIGITS, TASKS
from vatt_harmony.scale.balance_study.jobs import SEEDS
from vatt_harmony.scale.balance_study.publish import publish
from vatt_harmony.scale.balance_study.records import FILE, Record, Trial, packed
from vatt_harmony.scale.balance_study.tables import lead, probe_lead, weaker_modality
from vatt_harmony.scale.balance_study.task import FOLDS, MODALITIES
from vatt_harmony.scale.bench.balance_study_rows import MEASURES, row
from vatt_harmony.scale.bench.suite import NotRun, Options

CLIPS = 8


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "DRAWS", 50)


def record(task: str, arm: str, fold: int, seed: int) -> Record:
    """MLB has 6 of 8 clips right, all others 5; every probe 4. On AV digits sound is the weaker, elsewhere pictures."""
    alone = arm_named(arm).rule == ALONE
    right = packed(torch.arange(CLIPS) < (6 if arm.startswith("mlb") else 5))
    best = MODALITIES[0] if task == AV_DIGITS else MODALITIES[1]
    validation = {m: 0.9 if m == best else 0.5 for m in MODALITIES} if alone else {"fused": 0.8}
    has_k = arm.startswith(("mlb", "constant"))
    return Record(
        task=task, arm=arm, fold=fold, seed=seed,
        chosen=dict.fromkeys(validation, 0),
        trials=[Trial(validation=validation, loss=dict.fromkeys(validation, 1.0), k=[])] * 6 * (seed == 0),
        clips=CLIPS,
        hits=dict.fromkeys((*MODALITIES, "ensemble") if alone else ("fused",), right),
        probes=dict.fromkeys(MODALITIES, packed(torch.arange(CLIPS) < 4)),
        only={} if alone else dict.fromkeys(MODALITIES, 0.5),
        k=[[1.5, 0.5]] * 10 * has_k, deviation=[[0.5, 0.5]] * 10 * has_k,
        cpu_seconds=1.0, commit="",
    )  # fmt: skip


@pytest.fixture(scope="module")
def made() -> list[Record]:
    return [record(task, arm.name, fold, seed) for task, arm, fold, seed in product(TASKS, arms(), range(FOLDS), SEEDS)]


def test_a_difference_is_of_the_same_clips_and_seeds(made: list[Record]) -> None:
    table = table_of(made)
    found = lead(table, AV_DIGITS, arm_named("mlb lr, AdamW"), "joint")
    assert found.value == pytest.approx(100 / CLIPS)
    assert probe_lead(table, AV_DIGITS, arm_named("mlb lr, AdamW")).value == 0


def test_hits_are_seeds_by_all_folds_clips(made: list[Record]) -> None:
    assert hits(table_of(made), AV_DIGITS, "joint, SGD", fused).shape == (len(SEEDS), FOLDS * CLIPS)


def test_an_arm_without_all_folds_of_a_seed_is_refused(made: list[Record]) -> None:
    with pytest.raises(ValueError, match="5 folds, 5 seeds"):
        hits(table_of([r for r in made if (r.fold, r.seed) != (1, 2)]), AV_DIGITS, "joint, SGD", fused)


def test_the_interval_is_wider_where_seeds_differ_than_where_only_clips_do() -> None:
    same = np.tile(np.arange(100) % 2, (5, 1)).astype(float)
    seeds = np.repeat([[0.0], [0.0], [0.5], [1.0], [1.0]], 100, axis=1)
    one, other = two_way(same), two_way(seeds)
    assert one.value == other.value == 50
    assert other.high - other.low > one.high - one.low > 0


def test_the_weaker_modality_is_that_of_the_worse_validation_accuracy_alone(made: list[Record]) -> None:
    table = table_of(made)
    assert [weaker_modality(table, task) for task in TASKS] == ["picture", "picture", "sound"]


def test_the_row_reads_records_and_says_what_is_missing(made: list[Record], tmp_path: Path) -> None:
    lines = [json.dumps(asdict(each)) + "\n" for each in made]
    (tmp_path / FILE).write_text("".join(lines))
    found = row(tmp_path).run(Options())
    assert [figure.id for figure in found] == [figure.id for figure in MEASURES]
    assert all(figure.holds for figure in found)
    (tmp_path / FILE).write_text("".join(lines[:-1]))
    with pytest.raises(NotRun, match="1 of 2025 runs"):
        row(tmp_path).run(Options())


def test_a_study_is_published_as_records_tables_and_plots(made: list[Record], tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("".join(json.dumps(asdict(each)) + "\n" for each in made))
    publish(tmp_path, tmp_path / "out")
    text = (tmp_path / "out" / "tables.md").read_text()
    assert all(arm.name in text for arm in arms() if arm.rule != ALONE)
    assert "ensemble of both, SGD | 62.5" in text
    assert "| joint, SGD | 0.04, decay 0.0001: 80.0 (5); " in text
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {FILE, "tables.md", "accuracy.png", "coefficients.png", "probes.png"}


def test_a_probe_is_read_by_modality(made: list[Record]) -> None:
    assert hits(table_of(made), AV_DIGITS, "joint, SGD", probed("sound")).mean() == 0.5
