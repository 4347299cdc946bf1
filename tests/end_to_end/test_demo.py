"""The verb `demo` from an empty folder on two ranks: every part once, then a second start that does nothing twice."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vatt_harmony.model.loading import load_model

TINY = ("--steps", "4", "--clips", "64", "--seed", "5")


def demo(out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vatt_harmony", "demo", "--out", str(out), *TINY, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A demo's folder and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "out"
    done = demo(out, "--json", str(out.parent / "figures.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


def test_demo_leaves_runs_report_and_encoder(finished: tuple[Path, str]) -> None:
    out, printed = finished
    for run in ("harmonized", "plain"):
        assert json.loads((out / run / "status.json").read_text())["state"] == "finished"
    assert "<svg" in (out / "report.html").read_text()
    model, processor = load_model(out / "encoder")
    assert model.config.trained_pairs == ["video_audio", "video_text"]
    assert processor.sample_rate == 16000
    for arm in ("mlb", "joint", "scratch"):
        assert json.loads((out / "finetuning" / arm / "result.json").read_text())["updates"] > 0
    films = sorted(path.stem for path in (out / "alignment" / "films").glob("*.mp4"))
    assert films and (out / "alignment" / "index.html").read_text().count(
        '<script type="text/plain" data-film='
    ) == len(films)
    assert all((out / "alignment" / f"{film}.json").is_file() for film in films)
    assert "floor was not checked" in printed
    starts = (
        "retrieval ",
        "harmonized ",
        "planted faults ",
        "overhead ",
        "encoder ",
        "fine-tuning ",
        "alignment ",
        "watch ",
        "read ",
        "train on ",
    )
    assert [start for start in starts if not any(line.startswith(start) for line in printed.splitlines())] == []


def test_demo_writes_the_figures_of_its_row(finished: tuple[Path, str]) -> None:
    figures = json.loads((finished[0].parent / "figures.json").read_text())["figures"]
    assert [figure["id"] for figure in figures] == [f"01.1{letter}" for letter in "abcdefghijklmnopqr"]
    assert figures[0]["n"] == 16


def test_second_start_reuses_everything(finished: tuple[Path, str]) -> None:
    kept = [path for path in finished[0].rglob("*") if path.suffix in (".mp4", ".tar", ".jsonl")]
    marks = [path.stat().st_mtime_ns for path in kept]
    began = time.monotonic()
    assert demo(finished[0]).returncode == 0
    assert time.monotonic() - began < 60
    assert marks == [path.stat().st_mtime_ns for path in kept]


def test_other_settings_in_the_same_folder_are_refused(finished: tuple[Path, str]) -> None:
    done = demo(finished[0], "--seed", "6")
    assert done.returncode == 2
    assert "another folder" in done.stderr
    assert "Traceback" not in done.stderr
