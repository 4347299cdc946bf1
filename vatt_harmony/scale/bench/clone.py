"""Row 01.1: the two commands of the README in an empty clone."""

import json
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures

ROOT = Path(__file__).parents[3]

# The letters a to h are the demo's own, so that one id means one figure wherever it is written.
MEASURES = measures(
    "01.1",
    ("text to video R@1", ">= 0.078125", ""),
    ("video to audio R@1", ">= 0.0195312", ""),
    ("text to video R@1 lost when frames are shuffled in time", "> 0", ""),
    ("text to video R@1, harmonized minus plain", "", ""),
    ("planted faults found by cosine, wrong against hard (area under ROC)", "", ""),
    ("planted faults found by loss, wrong against hard (area under ROC)", "", ""),
    ("overhead of harmonization", "", ""),
    ("the whole demo", "<= 10", "min"),
    ("exit status of ./launch/demo.sh", "== 0", ""),
    ("exit status of ./launch/test.sh", "== 0", ""),
    ("the whole test suite", "<= 10", "min"),
    ("installing", "", "min"),
)


def run(options: Options) -> list[Figure]:
    """Clone what is committed, install, then the demo and the tests; their words go to files of the clone."""
    if not (ROOT / ".git").exists():
        raise NotRun(f"{ROOT} is no git checkout, so nothing can be cloned")
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        status, installing = _timed(clone, "./launch/setup.sh")
        if status:
            raise NotRun(f"./launch/setup.sh ended with status {status}")
        demo, _ = _timed(clone, "./launch/demo.sh", "--json", "figures.json")
        tests, minutes = _timed(clone, "./launch/test.sh")
        told = json.loads((clone / "figures.json").read_text())["figures"] if (clone / "figures.json").is_file() else []
    own = {"i": float(demo), "j": float(tests), "k": minutes, "l": installing}
    values = {f"01.1{letter}": value for letter, value in own.items()}
    read = {row["id"]: {key: row[key] for key in ("name", "value", "goal", "low", "high", "n")} for row in told}
    return [replace(m, **read.get(m.id, {"value": values.get(m.id)})) for m in MEASURES]


def _timed(clone: Path, *command: str) -> tuple[int, float]:
    """Exit status and minutes of a command; after a failure its last lines are printed."""
    output, started = clone / "output.txt", time.monotonic()
    with output.open("w") as file:
        done = subprocess.run(command, cwd=clone, stdout=file, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        print(*output.read_text().splitlines()[-15:], sep="\n")
    return done.returncode, (time.monotonic() - started) / 60


ROW = Row(
    id="01.1",
    title="the two commands in an empty clone",
    takes="half an hour, installing included",
    measures=MEASURES,
    run=run,
)
