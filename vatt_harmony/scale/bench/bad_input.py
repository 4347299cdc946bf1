"""Row 01.10: a user's mistakes end with one message and a non-zero status; single broken samples are counted."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.corpus import noise_clip, write_rows
from vatt_harmony.scale.bench.suite import Options, Row, measures
from vatt_harmony.shards.build import build
from vatt_harmony.shards.plan import BuildSettings

NARROW = (
    *("--model.trunk.depth", "1", "--model.trunk.width", "16", "--model.trunk.ff", "16", "--model.trunk.heads", "2"),
    *("--stream.global_batch", "4", "--stream.workers", "0", "--engine.steps", "1", "--data.vocabulary", "64"),
)
RECIPE = ("pretrain", "configs/pretrain/demo.yaml", *NARROW)


@dataclass(frozen=True)
class Case:
    """A mistake and the command that makes it."""

    name: str
    arguments: tuple[str, ...]
    world_size: int = 1


def prepare(folder: Path) -> None:
    """Media, manifests, shards and a foreign checkpoint in `folder`."""
    noise_clip(folder / "good.mp4")
    (folder / "truncated.mp4").write_bytes((folder / "good.mp4").read_bytes()[:700])
    (folder / "text.mp4").write_text("this is no film\n" * 100)
    good = [{"path": "good.mp4", "caption": f"a film of noise, number {i}", "video_id": str(i)} for i in range(8)]
    write_rows(folder / "good.csv", good)
    write_rows(folder / "missing.csv", [{"path": "nowhere.mp4", "caption": "x", "video_id": "0"}])
    write_rows(folder / "times.csv", [{"path": "good.mp4", "captions": '[{"text": "x", "start": 2, "end": 1}]'}])
    (folder / "empty.csv").write_text("path,caption\n")
    for kind in ("truncated", "text"):
        write_rows(folder / f"{kind}.csv", [{"path": f"{kind}.mp4", "caption": "x", "video_id": "0"}])
        write_rows(folder / f"{kind}_and_good.csv", [*good, {"path": f"{kind}.mp4", "caption": "x", "video_id": "9"}])
    build(folder / "good.csv", folder / "shards", BuildSettings(), workers=1)
    foreign = folder / "foreign" / "checkpoints" / "step_1"
    foreign.mkdir(parents=True)
    (foreign / "state.json").write_text('{"epoch": 3}')
    (foreign.parent / "latest").write_text("step_1\n")


def cases(folder: Path) -> list[Case]:
    """The mistakes of the issue's table, each by one command."""

    def shards(name: str) -> tuple[str, ...]:
        return (
            "shards",
            "build",
            "--manifest",
            f"{folder}/{name}.csv",
            "--out",
            f"{folder}/out_{name}",
            "--workers",
            "1",
        )

    def pretrain(*extra: str) -> tuple[str, ...]:
        run = f"{folder}/run_{abs(hash(extra))}"
        return (*RECIPE, "--run", run, "--data.sources.demo.shards", f"{folder}/shards/train", *extra)

    return [
        Case("missing file", shards("missing")),
        Case("missing manifest", shards("nowhere")),
        Case("empty manifest", shards("empty")),
        Case("only a truncated mp4", shards("truncated")),
        Case("only a text named .mp4", shards("text")),
        Case("bad caption times", shards("times")),
        Case("unknown key", pretrain("--harmony.rul", "sum")),
        Case("batch that does not divide", pretrain("--stream.global_batch", "5"), world_size=2),
        Case("foreign checkpoint", pretrain("--init", f"{folder}/foreign")),
        Case("batch size of 0", pretrain("--stream.global_batch", "0")),
        Case("export of what is no run", ("export", str(folder), f"{folder}/exported")),
    ]


def fault(case: Case) -> str | None:
    """What is wrong with the answer to a mistake; None if it is one message, a non-zero status and no traceback."""
    status, told = _tell(case.arguments, case.world_size)
    messages = len(re.findall(r"^error: ", told, flags=re.MULTILINE))
    if status == 0:
        return "exit status 0"
    if "Traceback" in told:
        return "a traceback: " + told.strip().splitlines()[-1]
    return None if messages == 1 else f"{messages} messages"


def skipped(folder: Path, kind: str) -> str | None:
    """Whether a broken clip among good ones is skipped and counted; None, or what is wrong."""
    report = build(folder / f"{kind}_and_good.csv", folder / f"skip_{kind}", BuildSettings(), workers=1)
    if report.total.samples != 8 or sum(report.total.drops.values()) != 1:
        return f"{report.total.samples} clips, drops {report.total.drops}"
    return None


def _tell(arguments: Sequence[str], world_size: int) -> tuple[int, str]:
    """Exit status and words of the first rank of a command; the others, as a launcher would, are ended after it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    common = os.environ | {"WORLD_SIZE": str(world_size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "vatt_harmony", *arguments],
            env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank), "DS_ACCELERATOR": "cpu"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(world_size)
    ]
    try:
        told, _ = ranks[0].communicate(timeout=180)
        return ranks[0].returncode, told
    except subprocess.TimeoutExpired:
        return 0, "no end after three minutes"
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()


MEASURES = measures(
    "01.10",
    ("mistakes not answered by one message, a non-zero status and no traceback", "== 0", ""),
    ("kinds of broken clips among good ones that are not skipped and counted", "== 0", ""),
)


def run(options: Options) -> list[Figure]:
    """One command a mistake; what is not as it should be is printed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder)
        every = cases(folder)
        wrong = _wrong({case.name: fault(case) for case in every})
        kinds = ("truncated", "text")
        unskipped = _wrong({kind: skipped(folder, kind) for kind in kinds})
    values = ((wrong, len(every)), (unskipped, len(kinds)))
    return [replace(m, value=value, n=n) for m, (value, n) in zip(MEASURES, values, strict=True)]


def _wrong(found: Mapping[str, str | None]) -> int:
    for name, what in found.items():
        if what is not None:
            print(f"{name}: {what}")
    return sum(what is not None for what in found.values())


ROW = Row(id="01.10", title="bad input", takes="four minutes", measures=MEASURES, run=run)
