"""Floors, figures, the screen's lines and the report, on made-up results."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from vatt_harmony.demo.aligned import OWN, Aligned
from vatt_harmony.demo.analysis import Found
from vatt_harmony.demo.findings import Findings, broken_floors, by_fault, figures, visits_of
from vatt_harmony.demo.finetuned import BALANCED, JOINT, SCRATCH, Finetuned
from vatt_harmony.demo.measure import Measured
from vatt_harmony.demo.report import write_report
from vatt_harmony.demo.screen import finding_lines, histogram, show, verdict
from vatt_harmony.demo.settings import DemoSettings
from vatt_harmony.demo.truth import Clip, video_id
from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.errors import UserError
from vatt_harmony.media.encode import encode_clip

N = 40
KEYS = tuple(f"test/test_{place:05d}" for place in range(N))
ALIGNED = Aligned(
    accuracy={
        name: Interval(value, value - 0.1, value + 0.1, 24)
        for name, value in ((OWN, 0.8), ("DTW <b>", 0.6), ("Drop-DTW", 0.7))
    },
    iou={name: Interval(0.5, 0.4, 0.6, 24) for name in (OWN, "DTW <b>", "Drop-DTW")},
    differences={"DTW <b>": Interval(0.2, 0.1, 0.3, 24), "Drop-DTW": Interval(0.1, -0.1, 0.3, 24)},
)
TUNED = Finetuned(
    labelled=128,
    classes=6,
    accuracy={
        arm: Interval(value, value - 0.05, value + 0.05, 256)
        for arm, value in ((BALANCED, 0.9), (JOINT, 0.85), (SCRATCH, 0.5))
    },
    differences={JOINT: Interval(0.05, 0.0, 0.1, 256), SCRATCH: Interval(0.4, 0.3, 0.5, 256)},
    picture={BALANCED: 0.2, JOINT: 0.15, SCRATCH: 0.1},
)
FOUND = Found(against_hard=0.8, against_rest=0.7, by_fault={})


def measured(hits: int, sound_hits: int = 10, shuffled_hits: int = 5) -> Measured:
    def ranks(right: int) -> list[int]:
        return [1] * right + [N] * (N - right)

    return Measured(
        keys=KEYS,
        ranks={
            "text_to_video": ranks(hits),
            "video_to_audio": ranks(sound_hits),
            "shuffled": ranks(shuffled_hits),
        },
        top={key: [key, KEYS[0]] for key in KEYS},
    )


def made(harmonized: Measured) -> Findings:
    return Findings(
        harmonized=harmonized,
        plain=measured(18),
        cosines={"": [0.1, 0.2], "hard": [0.15], "caption swapped": [-0.3]},
        by_cosine=FOUND,
        by_loss=FOUND,
        overhead=0.02,
        overhead_by="CPU time of all ranks",
        losses={"harmonized video_text": [(1, 4.0), (2, 3.0)], "plain video_text": [(1, 4.0), (2, 3.5)]},
        finetuned=TUNED,
        aligned=ALIGNED,
        seconds=300.0,
    )


def test_floor_is_held_by_a_good_run() -> None:
    rows = figures(made(measured(22)))
    assert [row.id for row in rows] == [f"01.1{letter}" for letter in "abcdefghijklmnopqr"]
    assert rows[12].value == 0.9 and rows[15].value == 0.05 and rows[17].value == pytest.approx(0.05)
    assert rows[0].value == pytest.approx(22 / N)
    assert rows[2].value == pytest.approx(17 / N)
    assert rows[3].value == pytest.approx(4 / N)
    assert rows[3].n == N
    assert not broken_floors(rows)
    assert verdict(rows, DemoSettings(out=Path("demo"))) is None


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        (measured(19), "text to video R@1 is"),
        (measured(22, sound_hits=4), "video to audio R@1 is"),
        (measured(22, shuffled_hits=22), "shuffled in time is"),
    ],
)
def test_each_floor_is_named_when_broken(bad: Measured, name: str) -> None:
    rows = figures(made(bad))
    assert len(broken_floors(rows)) == 1
    failure = verdict(rows, DemoSettings(out=Path("demo")))
    assert failure is not None
    assert name in failure
    assert verdict(rows, DemoSettings(out=Path("demo"), steps=4)) is None


def test_lines_say_what_was_found() -> None:
    lines = finding_lines(made(measured(22)), DemoSettings(out=Path("demo")))
    assert len(lines) == 7
    assert "0.550 (22 x chance" in lines[0]
    assert "+0.100" in lines[1]
    assert "0.80 by cosine" in lines[2]
    assert "+2.0%" in lines[3]
    assert lines[4].endswith("demo/encoder")
    assert lines[5] == (
        "fine-tuning    form from 128 labelled clips: accuracy 0.90 with MLB, 0.85 without balancing, 0.50 from "
        "scratch (chance 0.17); of that the picture is worth 0.20, 0.15 without balancing; one seed"
    )
    assert lines[6] == (
        "alignment      clip accuracy 0.80 against 0.70 of the best baseline (Drop-DTW), page demo/alignment/index.html"
    )


def test_what_is_not_done_yet_is_not_told() -> None:
    halfway = replace(made(measured(22)), finetuned=None, aligned=None, seconds=None)
    assert [row.id for row in figures(halfway)] == [f"01.1{letter}" for letter in "abcdefg"]
    assert len(finding_lines(halfway, DemoSettings(out=Path("demo")))) == 5


def test_histogram_counts_every_clip_and_marks_the_wrong() -> None:
    lines = histogram({"": [0.0] * 5, "half wrong": [1.0] * 3})
    assert lines[1].endswith("5")
    assert "█" not in lines[1]
    assert lines[-1].endswith("3")
    assert "█" in lines[-1]
    assert len(histogram({})) == 1
    assert sum(int(line.split()[-1]) for line in histogram({"": [0.3]})[1:]) == 1


def test_visits_come_from_the_second_half() -> None:
    table = pa.table(
        {
            "step": [1, 2, 3, 4],
            "key": ["demo/a", "demo/a", "demo/a", "demo/b"],
            "cosine": [-1.0, -1.0, 0.5, None],
            "loss_video_text": [9.0, 9.0, 1.0, 2.0],
            "kept": [True, True, True, False],
        }
    )
    visits = visits_of(table)
    assert visits.keys == ("demo/a", "demo/b")
    np.testing.assert_allclose(visits.cosine, [0.5, np.nan])
    np.testing.assert_allclose(visits.loss, [1.0, 2.0])
    clip = Clip(path=Path("a.mp4"), captions=("a",), fault="hard", unseen=False)
    cosines, _, by_loss = by_fault(visits, {"a": clip, "b": replace(clip, fault="half wrong")})
    assert cosines == {"hard": [0.5]}
    assert by_loss.against_hard == 1.0


def test_report_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    video = np.random.default_rng(0).integers(0, 255, (10, 32, 32, 3), dtype=np.uint8)
    encode_clip(path, video=video, fps=10.0, audio=np.zeros(16000, np.float32), sample_rate=16000)
    clips = {video_id(key): Clip(path=path, captions=("a <b> c",), fault="", unseen=True) for key in KEYS}
    settings = DemoSettings(out=tmp_path)
    page = write_report(made(measured(22)), settings, clips).read_text()
    assert page.count("<svg") == 2
    assert page.count("data:image/png;base64,") >= 8
    assert "a &lt;b&gt; c" in page
    assert "55% of cases" in page
    assert "joint, without balancing<td>0.850<td>0.800 … 0.900<td>0.150" in page
    assert "DTW &lt;b&gt;<td>0.600" in page and 'href="alignment/index.html"' in page
    assert not [part for part in ('src="http', 'href="http', "@import", "<script") if part in page]


def test_screen_is_seven_lines_a_histogram_and_three_lines() -> None:
    console = Console(width=60, record=True, file=io.StringIO())
    show(made(measured(22)), DemoSettings(out=Path("demo")), console)
    lines = console.export_text().splitlines()
    assert [place for place, line in enumerate(lines) if not line] == [7, len(lines) - 4]


def test_folder_is_claimed_once(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    DemoSettings(out=out, seed=1).claim()
    DemoSettings(out=out, seed=1).claim()
    with pytest.raises(UserError, match="another folder"):
        DemoSettings(out=out, seed=2).claim()


@pytest.mark.parametrize("values", [{"steps": 0}, {"clips": 10}, {"clips": 5000}])
def test_impossible_settings_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(UserError):
        DemoSettings(out=Path("demo"), **values)


def test_runs_differ_in_harmonization_alone() -> None:
    settings = DemoSettings(out=Path("demo"), seed=3)
    harmonized, plain = settings.config("harmonized"), settings.config("plain")
    assert harmonized.harmony.enabled and not plain.harmony.enabled
    assert replace(harmonized, harmony=plain.harmony) == plain
    assert harmonized.seed == 3
