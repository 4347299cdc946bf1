import json

import numpy as np
import pytest

from vatt_harmony.scale.bench.suite import NotRun, Options
from vatt_harmony.scale.study.compare import holm, mean, paired, sign_flip
from vatt_harmony.scale.study.detect import detect, summary
from vatt_harmony.scale.study.observed import COLUMNS, Observed
from vatt_harmony.scale.study.protocol import CLIPS, SIGNAL_ARMS, Job, cuda_groups, groups
from vatt_harmony.scale.study.publish import publish
from vatt_harmony.scale.study.records import read_records, write_grid
from vatt_harmony.scale.study.rows import FOUND, LEARNED, cuda_rows, rows
from vatt_harmony.scale.study.tables import level_table, primary


def clips(n=600, seed=0):
    g = np.random.default_rng(seed)
    faults = np.where(np.arange(n) % 4 == 0, "caption swapped", np.where(np.arange(n) % 4 == 1, "hard", ""))
    columns = g.normal(size=(n, len(COLUMNS)))
    columns[:, COLUMNS.index("cosine")] -= 2.0 * (faults == "caption swapped")
    columns[:, COLUMNS.index("loss_vt")] += 2.0 * (faults != "")
    return columns, faults


def test_the_cosine_finds_what_the_loss_cannot_tell_from_hard():
    found = detect(*clips(), ("hard",))
    areas = {name: area.value for name, area in found.areas.items()}
    assert areas["averaged cosine"] > 0.85 and abs(areas["video-text loss"] - 0.5) < 0.15
    assert areas["all together"] > areas["losses together"] and found.gain.low > 0
    assert found.areas["averaged cosine"].low < areas["averaged cosine"] < found.areas["averaged cosine"].high


def test_noise_is_not_found():
    columns, faults = clips()
    found = detect(np.random.default_rng(1).normal(size=columns.shape), faults, ("hard",))
    assert all(abs(area.value - 0.5) < 0.15 for area in found.areas.values()), "fitted on one half, scored on the other"


def test_sign_flips_are_exact():
    assert sign_flip([1.0, 1.0, 1.0]) == 2 / 8
    assert sign_flip([1.0, -1.0]) == 1.0


def test_holm_multiplies_the_smallest_by_the_count_and_never_falls():
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"b": 0.03, "c": 0.06, "a": 0.06})


def test_pairs_are_matched_by_seed():
    result = paired({1: 0.5, 2: 0.7, 9: 0.0}, {1: 0.4, 2: 0.5, 3: 1.0})
    assert result.difference.value == pytest.approx(0.15) and result.difference.n == 2
    assert str(mean([1.0, 3.0])) == "2.000 ± 1.000"


def test_observed_columns_average_visits_and_see_late_ones():
    seen = Observed()
    for step in range(16):
        seen.rows.append(np.array([0, 1]))
        seen.cosines.append(np.array([0.1 if step < 8 else 0.3, -0.2]))
        seen.losses.append(np.array([[1.0, 2.0], [3.0, 4.0]]))
        seen.log_norms.append(np.zeros((2, 2)))
        seen.same_look.append(np.array([False, True]))
        seen.tells_sound.append(np.array([True, False]))
    columns = dict(zip(COLUMNS, seen.columns(3).T, strict=True))
    assert columns["cosine_late"][0] == pytest.approx(0.3) and columns["cosine_slope"][0] == pytest.approx(0.2)
    assert columns["cosine_last"][1] == pytest.approx(-0.2) and columns["loss_vt"][1] == 4
    assert np.isnan(columns["cosine"][2])
    told = seen.meanings(np.array(["", "hard", ""]))
    assert told["hard"] == pytest.approx(-0.2) and told["clean/negative"] == 0


def records(folder):
    for group in groups():
        for job in group:
            value = 0.2 + 0.01 * job.seed + (0.1 + 0.001 * job.seed if job.arm == "harmonized" else 0.0)
            told = {"clean": 0.1, "clean/negative": 0.4}
            scores = dict.fromkeys(("text_to_video", "video_to_text", "video_to_audio", "probe"), value)
            kept = {"arm": job.arm, "seed": job.seed, "share": job.share, "clean": job.clean, "train": job.train}
            (folder / f"{job.name}.json").write_text(
                json.dumps({**kept, **scores, "wrong_drawn": 0.1, "meanings": told})
            )


def test_rows_show_the_records(tmp_path):
    records(tmp_path)
    columns, faults = clips()
    np.savez(tmp_path / "clips.npz", columns=columns, faults=faults)
    found, learned = (row.run(Options()) for row in rows(tmp_path))
    assert found[0].id == "02.7a"
    assert [figure.name for figure in found if figure.value is None] == [f.name for f in FOUND if "GRID" in f.name]
    values = {figure.id: figure for figure in learned}
    assert [f.id for f in learned] == [f.id for f in LEARNED]
    assert values["02.8a"].value == pytest.approx(0.1055) and values["02.8b"].value == pytest.approx(4 / 1024)
    assert values["02.8a"].holds and values["02.8b"].holds and values["02.8a"].n == 10
    assert max(primary([json.loads(p.read_text()) for p in tmp_path.glob("*.json")]).adjusted.values()) < 0.05
    assert "**harmonized**" in level_table([json.loads(p.read_text()) for p in tmp_path.glob("*.json")], 0.3)


def test_a_finished_study_is_a_few_files_that_say_the_same(tmp_path):
    runs, out = tmp_path / "runs", tmp_path / "out"
    runs.mkdir()
    records(runs)
    columns, faults = clips()
    for arm in ("plain", "realign", *SIGNAL_ARMS):
        np.savez(runs / f"{Job(arm=arm, seed=1, share=0.3, train=CLIPS).name}.npz", columns=columns, faults=faults)
    for path in runs.glob("*.json"):
        if not path.with_suffix(".npz").is_file():
            np.savez(path.with_suffix(".npz"), columns=columns[:0], faults=faults[:0])
    wrong = faults == "caption swapped"
    scores = dict.fromkeys(("cosine", "losses together", "all together"), wrong + 0.0)
    write_grid(runs, summary(scores, wrong, faults, 0))
    publish(runs, out)
    assert sorted(path.name for path in out.iterdir()) == [
        "clips.npz", "cosines.png", "faults.png", "grid.json", "learning.png", "records.jsonl", "tables.md",
    ]  # fmt: skip
    assert len(read_records(out)) == len(read_records(runs))
    assert rows(out)[0].run(Options())[-1].value == 1.0
    assert rows(out)[1].run(Options()) == rows(runs)[1].run(Options())
    assert "harmonized minus plain: 0.105" in (out / "tables.md").read_text()


def test_runs_on_a_device_have_a_table_of_their_own(tmp_path):
    job = cuda_groups()[0][1]
    kept = {"arm": job.arm, "seed": 1, "share": job.share, "clean": 0, "train": job.train, "text_to_video": 0.4}
    (tmp_path / f"{job.name}.json").write_text(json.dumps(kept))
    figures = cuda_rows(tmp_path)[0].run(Options())
    assert [figure.value for figure in figures] == [None, 0.4, None, None]


def test_without_records_the_rows_say_so(tmp_path):
    with pytest.raises(NotRun, match="no records"):
        rows(tmp_path / "none")[0].run(Options())
