"""Row 01.8: a run killed between checkpoints goes on with the same samples and losses, also on other ranks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vatt_harmony.engine.observations import read_observations
from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.corpus import noise_clip, write_rows
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measured, measures
from vatt_harmony.shards.build import build
from vatt_harmony.shards.plan import BuildSettings

EVERY, KILL_AFTER, STEPS = 10, 13, 30
"""Steps between checkpoints; the run is killed after the second number, and goes on to the third."""
NARROW = (
    *("--model.trunk.depth", "2", "--model.trunk.width", "32", "--model.trunk.ff", "64", "--model.trunk.heads", "2"),
    *("--stream.global_batch", "8", "--stream.workers", "0", "--stream.shuffle_window", "4", "--data.vocabulary", "64"),
    *("--engine.deepspeed", "configs/deepspeed/zero0.json", "--engine.steps", str(STEPS), "--engine.keep", "0"),
    *("--engine.checkpoint_every", str(EVERY), "--engine.log_every", "1", "--engine.look_every", "1000"),
    *("--optim.shape", "constant", "--optim.warmup", "0", "--optim.lr", "1e-3"),
)
LIMIT = 600
"""Seconds a run of these may take."""
Losses = dict[int, dict[str, float]]


def start(folder: Path, name: str, ranks: int) -> "subprocess.Popen[bytes]":
    """A run of `ranks` ranks in `folder/name`, in a session of its own; its words go to a file beside it."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(ranks)]
    command = [*launcher, "--module", "--", "vatt_harmony", "pretrain", "configs/pretrain/demo.yaml", *NARROW]
    with (folder / f"{name}.txt").open("ab") as file:
        return subprocess.Popen(
            [*command, "--run", str(folder / name), "--data.sources.demo.shards", str(folder / "shards" / "train")],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu"},
            start_new_session=True,
        )


def finish(folder: Path, name: str, ranks: int) -> None:
    """`start` and wait for its end; raises NotRun with its last line if it failed."""
    if start(folder, name, ranks).wait(LIMIT):
        raise NotRun(f"run {name} failed: {(folder / f'{name}.txt').read_text().strip().splitlines()[-1]}")


def kill_between_checkpoints(folder: Path, name: str) -> None:
    """Start on 2 ranks, SIGKILL launcher and ranks some steps after the first checkpoint."""
    run, metrics = start(folder, name, 2), folder / name / "metrics.jsonl"
    end = time.monotonic() + LIMIT
    while not (metrics.is_file() and len(metrics.read_text().splitlines()) >= KILL_AFTER):
        if run.poll() is not None or time.monotonic() > end:
            raise NotRun(f"run {name} ended before it could be killed; see --only 01.8 on a machine that is idle")
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def losses(run: Path) -> Losses:
    """Step -> name -> loss."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: {key: row[key] for key in row if key.startswith("1 learning/loss/")} for row in rows}


def visits(run: Path) -> list[tuple[int, str]]:
    """Step and key of every sample, sorted: rows of a step lie by rank."""
    table = read_observations(run).to_pydict()
    return sorted(zip(table["step"], table["key"], strict=True))


def largest_error(found: Losses, wanted: Losses, first: int, last: int) -> float:
    """Largest relative difference of a loss in the steps `first` to `last`."""
    return max(
        abs(found[step][name] - value) / abs(value)
        for step in range(first, last + 1)
        for name, value in wanted[step].items()
    )


MEASURES = measures(
    "01.8",
    ("killed and resumed on the same ranks: steps whose sample keys differ", "== 0", ""),
    ("killed and resumed on the same ranks: steps whose losses are not bit-equal", "== 0", ""),
    ("resumed on 1 rank instead of 2: relative error of the first step's losses", "<= 1e-5", ""),
    ("resumed on 1 rank instead of 2: relative error of the next five steps' losses", "<= 1e-3", ""),
)


def run(options: Options) -> list[Figure]:
    """A whole run; one that is killed and resumed; one that goes on from the whole one's checkpoint on one rank."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in range(24):
            noise_clip(folder / f"{number}.mp4", number)
        write_rows(
            folder / "demo.csv", [{"path": f"{n}.mp4", "caption": f"noise and a tone, clip {n}"} for n in range(24)]
        )
        build(folder / "demo.csv", folder / "shards", BuildSettings(), workers=1)
        finish(folder, "whole", 2)
        kill_between_checkpoints(folder, "killed")
        finish(folder, "killed", 2)
        shutil.copytree(folder / "whole", folder / "one")
        (folder / "one" / "checkpoints" / "latest").write_text(f"step_{EVERY:08d}\n")
        finish(folder, "one", 1)
        wanted, killed, one = (losses(folder / name) for name in ("whole", "killed", "one"))
        keys = {step for step, _ in set(visits(folder / "whole")) ^ set(visits(folder / "killed"))}
    unequal = sum(killed[step] != wanted[step] for step in range(EVERY + 1, STEPS + 1))
    first = largest_error(one, wanted, EVERY + 1, EVERY + 1)
    return measured(
        MEASURES, len(keys), unequal, first, largest_error(one, wanted, EVERY + 2, EVERY + 6), n=STEPS - EVERY
    )


ROW = Row(id="01.8", title="kill and resume", takes="two minutes", measures=MEASURES, run=run)
