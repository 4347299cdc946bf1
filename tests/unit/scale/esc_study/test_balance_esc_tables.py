"""Accuracies, paired differences and their intervals on made records, the published files, and the row."""

from pathlib import Path

import numpy as np
import pytest

from vatt_harmony.scale.bench import balance_esc
from vatt_harmony.scale.bench.suite import NotRun, Options
from vatt_harmony.scale.esc_study.protocol import LOG_MEL, PRETRAINED, SCRATCH, TUNING_SEED, Arm, Job, jobs
from vatt_harmony.scale.esc_study.publish import PLOT, TABLES, publish
from vatt_harmony.scale.esc_study.records import Record, append, missing, read
from vatt_harmony.scale.esc_study.tables import accuracy, answers_of, interval, lead, recording_of

SOUNDS = [f"{piece}-{recording}-A" for recording in range(8) for piece in (1, 2)]


def record(job: Job) -> Record:
    """Pretrained arms find every class of a fold, scratch that of every other recording, log-mel none."""
    right = {True: 1, False: 0}
    found = [right[job.arm in PRETRAINED or (job.arm == SCRATCH and int(recording_of(s)) % 2 == 0)] for s in SOUNDS]
    return Record(
        arm=job.arm,
        fold=job.fold,
        seed=job.seed,
        sounds=[f"{s}{job.fold}" for s in SOUNDS],
        right=found,
        chosen={"lr": 1e-3},
        validation=0.5 if job.seed == TUNING_SEED else None,
        cpu_seconds=1.0,
        commit="",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished study."""
    for job in jobs():
        append(tmp_path, record(job))
    return tmp_path


def test_records_are_read_back(folder: Path) -> None:
    records = read(folder)

    assert records == [record(job) for job in jobs()]
    assert missing(records[1:], jobs()) == [jobs()[0]]


def test_a_lead_is_paired_and_a_single_seed_goes_with_all(folder: Path) -> None:
    records = read(folder)

    assert lead(records, PRETRAINED[0], SCRATCH).value == pytest.approx(50)
    assert lead(records, PRETRAINED[0], SCRATCH).low > 0
    assert lead(records, SCRATCH, LOG_MEL).value == accuracy(records, SCRATCH).value == pytest.approx(50)
    assert accuracy(records, SCRATCH).n == 4 * len(SOUNDS)


def test_what_was_not_asked_the_same_is_not_compared(folder: Path) -> None:
    records = [r for r in read(folder) if not (r.arm == SCRATCH and r.fold == 1)]

    with pytest.raises(ValueError, match="same sounds"):
        lead(records, PRETRAINED[0], SCRATCH)
    with pytest.raises(ValueError, match="for every seed"):
        answers_of([r for r in read(folder) if (r.arm, r.fold, r.seed) != (SCRATCH, 1, 1)], SCRATCH)
    with pytest.raises(ValueError, match="there are none"):
        answers_of([], SCRATCH)


def test_sounds_of_one_recording_are_drawn_together_and_seeds_too() -> None:
    values = np.repeat([0.0, 1.0] * 10, 4)[None]
    alone = interval(values, [f"1-{place}-A" for place in range(80)])
    together = interval(values, [f"1-{place // 4}-{place % 4}" for place in range(80)])
    seeds = interval(np.stack([np.zeros(80), np.ones(80)]), [f"1-{place}-A" for place in range(80)])

    assert alone.value == together.value == 0.5
    # Twenty recordings of four sounds each: twice the deviation of eighty.
    assert together.high - together.low == pytest.approx(2 * (alone.high - alone.low), rel=0.15)
    assert (seeds.low, seeds.high) == (0, 1)


def test_the_published_files_tell_every_arm(folder: Path, tmp_path: Path) -> None:
    publish(folder, tmp_path / "out")

    told = (tmp_path / "out" / TABLES).read_text()
    assert "| scratch | 50.0" in told
    assert "| voices, fine-tune | 100.0 (100.0 … 100.0)" in told
    assert "lr 0.001: 50.0" in told
    planned, added = told.split("All six seeds")
    assert "| 50.0 50.0 50.0 |" in planned
    assert "| 50.0 50.0 50.0 50.0 50.0 50.0 |" in added
    assert (tmp_path / "out" / PLOT).stat().st_size > 1000


def test_the_row_judges_the_low_end(folder: Path, tmp_path: Path) -> None:
    figures = balance_esc.row(folder).run(Options())

    assert [figure.id for figure in figures][:2] == ["04.5a", "04.5b"]
    assert all(figure.holds and figure.value == figure.low for figure in figures[: len(PRETRAINED)])
    with pytest.raises(NotRun, match=f"{len(jobs())} of {len(jobs())} runs"):
        balance_esc.row(tmp_path / "empty").run(Options())
    with pytest.raises(NotRun, match="VATT_HARMONY_DATA"):
        balance_esc.made_first(tmp_path).run(Options())


def test_every_arm_but_log_mel_has_every_seed() -> None:
    assert len(set(jobs())) == len(jobs())
    assert {job.arm for job in jobs() if job.seed != TUNING_SEED} == {job.arm for job in jobs()} - {LOG_MEL}
    assert Arm(start="initial values", method="fine-tune").name == "scratch"
