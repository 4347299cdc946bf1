"""Records of the GRID study, what the tables and row 03.2 make of them, and that a study goes on where it was left."""

from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.scale.align_study import grid_runs
from vatt_harmony.scale.align_study.grid_protocol import (
    ARMS,
    BASELINES,
    POSITIONS,
    PUBLISHED,
    SEEDS,
    WINDOW,
    Job,
    jobs,
)
from vatt_harmony.scale.align_study.grid_publish import publish
from vatt_harmony.scale.align_study.grid_records import FIGURES, Record, append, is_done, read
from vatt_harmony.scale.align_study.grid_sequences import SHOWN
from vatt_harmony.scale.align_study.grid_tables import RIVALS, best_rival, column, difference, markdown, nearest_rival
from vatt_harmony.scale.bench.align_grid import MEASURES, measure, row
from vatt_harmony.scale.bench.suite import NotRun, Options

FOLDS, FILMS = 5, 4


def record(method: str, shown: str, fold: int, seed: int, accuracy: list[float | None]) -> Record:
    films = [f"test{fold}-{film}" for film in range(FILMS)]
    return Record(
        arm=method if method in ARMS else BASELINES,
        method=method,
        shown=shown,
        fold=fold,
        seed=seed,
        films=films,
        scores=dict.fromkeys(FIGURES, accuracy),
        validation=0.5,
        chosen="",
        cpu_seconds=1.0,
        commit="",
    )


def study(lead: float) -> list[Record]:
    """Every run: rivals at 0.5 and DTW at 0.6, both arms `lead` above DTW, with differences between films and seeds."""
    generator = np.random.default_rng(0)
    films = {fold: generator.normal(0, 0.1, FILMS) for fold in range(FOLDS)}
    made = []
    for job in jobs():
        if job.arm == BASELINES:
            for method in ("oracle", *(rival for rival in RIVALS if rival != POSITIONS)):
                level = 0.6 if method == "DTW" else 0.5
                made.append(record(method, job.shown, job.fold, job.seed, (level + films[job.fold]).tolist()))
            continue
        level = 0.6 + lead if job.arm in (PUBLISHED, WINDOW) else 0.5
        accuracy = level + films[job.fold] + generator.normal(0, 0.01, FILMS)
        made.append(record(job.arm, job.shown, job.fold, job.seed, accuracy.tolist()))
    return made


def test_records_come_back_as_written(tmp_path: Path) -> None:
    records = study(0.1)[:3]
    append(tmp_path, records[:1])
    append(tmp_path, records[1:])
    assert read(tmp_path) == records
    assert read(tmp_path / "none") == []


def test_a_film_counts_once_whatever_the_number_of_seeds() -> None:
    found = column(study(0.1), WINDOW, SHOWN[0], "accuracy")
    assert found.values.shape == (FOLDS * FILMS,)
    assert len(found.by_seed) == len(SEEDS)
    assert np.mean(found.by_seed) == pytest.approx(found.values.mean())


def test_a_film_without_anything_to_measure_leaves_the_mean() -> None:
    records = [record("DTW", SHOWN[0], 0, 0, [0.5, None, 0.7, 0.6])]
    assert np.nanmean(column(records, "DTW", SHOWN[0], "iou").values) == pytest.approx(60)


def test_the_lead_over_all_is_that_over_the_best() -> None:
    records = study(0.1)
    assert best_rival(records, SHOWN[1]) == "DTW"
    assert difference(records, WINDOW, "DTW", SHOWN[1]).value == pytest.approx(10, abs=1)
    assert nearest_rival(records, WINDOW, SHOWN[1]) == difference(records, WINDOW, "DTW", SHOWN[1])
    assert nearest_rival(study(-0.05), WINDOW, SHOWN[1]).low < 0


def test_tables_hold_every_method_for_both_kinds_of_features() -> None:
    told = markdown(study(0.1))
    assert all(told.count(f"| {method} |") == len(SHOWN) for method in (*RIVALS, PUBLISHED, WINDOW, "oracle"))


def test_a_finished_study_is_published_as_records_tables_and_a_plot(tmp_path: Path) -> None:
    append(tmp_path, study(0.1))
    for _ in range(2):
        publish(tmp_path, tmp_path / "out")
    assert read(tmp_path / "out") == read(tmp_path)
    assert markdown(study(0.1)) in (tmp_path / "out" / "grid-tables.md").read_text()
    assert (tmp_path / "out" / "grid.png").stat().st_size > 10_000


@pytest.mark.parametrize(("lead", "holds"), [(0.1, True), (-0.05, False)])
def test_row_asks_for_a_lead_over_all_with_picture_and_sound(tmp_path: Path, lead: float, holds: bool) -> None:
    append(tmp_path, study(lead))
    figures = row(tmp_path).run(Options())
    goals = [figure for figure in figures if figure.goal]
    assert len(goals) == 2 and all(SHOWN[1] in figure.name for figure in goals)
    assert all(figure.holds is holds for figure in goals)
    assert [figure.name for figure in figures] == [figure.name for figure in MEASURES]
    assert all(figure.value is not None for figure in figures)


def test_row_is_not_run_where_a_run_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NotRun, match=r"100 of 100 runs .* the first is NeuMATCH, picture \+ sound, fold 0, seed 1"):
        measure(tmp_path, Options())
    append(tmp_path, [each for each in study(0.1) if (each.arm, each.fold) != (BASELINES, 4)])
    with pytest.raises(NotRun, match=r"2 of 100 runs .* the first is baselines, picture, fold 4"):
        measure(tmp_path, Options())


def test_a_study_makes_only_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Job] = []

    def run(job: Job, fold: object) -> list[Record]:
        made.append(job)
        return [record(job.arm, job.shown, job.fold, job.seed, [0.5] * FILMS)]

    for name in ("read_corpus", "features_of", "fold_of", "publish"):
        monkeypatch.setattr(grid_runs, name, lambda *_: None)
    monkeypatch.setattr(grid_runs, "run", run)
    first = jobs()[0]
    append(tmp_path, run(first, None))
    made.clear()
    grid_runs.make(tmp_path / "grid", tmp_path)
    assert made == jobs()[1:]
    assert all(is_done(read(tmp_path), job) for job in jobs())
    grid_runs.make(tmp_path / "grid", tmp_path)
    assert len(made) == len(jobs()) - 1
