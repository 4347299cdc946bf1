"""Tables, plots and rows of the studies on text, from made records."""

from pathlib import Path

import pytest

from vatt_harmony.scale.align_study.text_protocol import COMPARED, PUBLISHED, WINDOW, jobs
from vatt_harmony.scale.align_study.text_publish import publish
from vatt_harmony.scale.align_study.text_records import Record, append, is_done, read
from vatt_harmony.scale.align_study.text_tables import RIVALS, column, difference, nearest_rival
from vatt_harmony.scale.bench import align_text
from vatt_harmony.scale.bench.suite import NotRun, Options

VIDEOS = ["a", "b", "c"]
PARTS = {"encoder of clips": [0.1, 0.2], "head": [0.01, 0.02]}


def record(data: str, arm: str, method: str, share: float, seed: int, level: float) -> Record:
    """Every video scores `level`, a little more by place and seed."""
    values = [level + 0.01 * place + 0.001 * seed for place in range(len(VIDEOS))]
    return Record(
        data=data,
        arm=arm,
        method=method,
        share=share,
        seed=seed,
        videos=VIDEOS,
        scores={"accuracy": values, "iou": [value / 2 for value in values]},
        validation=level,
        chosen="",
        cpu_seconds=1.0,
        commit="",
        movement=PARTS if share == 1 else {},
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a record of everything; the window leads by 0.1, minimum distance is the best of the others."""
    folder = tmp_path_factory.mktemp("records")
    untrained = [
        record(data, "baselines", name, 1.0, 0, 0.5 if name == "minimum distance" else 0.3)
        for data in COMPARED
        for name in (*RIVALS[:-1], "oracle")
    ]
    trained = [
        record(job.data, job.arm, job.arm, job.share, job.seed, 0.6 if job.arm == WINDOW else 0.4)
        for job in jobs()
        if job.arm != "baselines"
    ]
    append(folder, untrained + trained)
    return folder


def test_every_job_is_once_in_the_protocol_and_known_when_done(records: Path) -> None:
    planned = jobs()

    assert len(planned) == len(set(planned)) == 3 * 16 + 5 * (4 * 6 + 14 + 10)
    assert all(is_done(read(records), job) for job in planned)
    assert not is_done(read(records)[1:30], planned[-1])


def test_a_column_is_the_mean_over_seeds_in_percent(records: Path) -> None:
    found = column(read(records), "TACoS", WINDOW)

    assert found.videos == tuple(VIDEOS)
    assert found.values == pytest.approx([60.3, 61.3, 62.3])
    assert found.by_seed == pytest.approx([61.1, 61.2, 61.3, 61.4, 61.5])


def test_the_lead_is_over_the_nearest_rival(records: Path) -> None:
    lead = nearest_rival(read(records), "HM-1")
    assert lead == difference(read(records), "HM-1", WINDOW, "minimum distance")
    assert lead.value == pytest.approx(lead.low) == pytest.approx(10.3)


def test_rows_say_what_the_records_hold(records: Path) -> None:
    for row in align_text.rows(records):
        figures = row.run(Options())
        assert [figure.id for figure in figures] == [figure.id for figure in row.measures]
        assert all(figure.value is not None and figure.n == len(VIDEOS) for figure in figures)
    tacos = align_text.rows(records)[0].run(Options())
    assert tacos[0].holds
    assert tacos[2].value == pytest.approx(41.3)
    assert tacos[2].name.startswith(PUBLISHED)


def test_a_row_without_all_its_records_is_not_run(records: Path, tmp_path: Path) -> None:
    append(tmp_path, [each for each in read(records) if (each.method, each.seed) != (PUBLISHED, 3)])

    for row in align_text.rows(tmp_path)[:2]:
        with pytest.raises(NotRun, match=f"no record of {PUBLISHED} on .*, seed 3"):
            row.run(Options())
    assert len(align_text.rows(tmp_path)[2].run(Options())) == 21


def test_a_study_is_published_as_records_tables_and_plots(records: Path, tmp_path: Path) -> None:
    publish(records, tmp_path)

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"text.jsonl", "text-tables.md", "text.png", "little-data.png", "movement.png"}
    told = (tmp_path / "text-tables.md").read_text()
    assert "**TACoS**" in told
    assert "| rp-lars-sbn minus full-adam, pretrained |" in told
    assert "encoder of clips 15.00 % | head 1.50 % |" in told
