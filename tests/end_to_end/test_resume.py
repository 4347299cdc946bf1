"""Row 01.8: a killed run goes on as if nothing had happened, on as many ranks or others; a preempted one too."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from support.runs import launch, tiny_recipe

from vatt_harmony.engine.observations import read_observations

BORDER, STEPS = 4, 24
ZERO0 = ("--engine.deepspeed", "configs/deepspeed/zero0.json")
# Small: Adam makes whole steps of rounding errors where the gradient is 0 but for them, such as at keys' biases.
SLOW = ("--optim.lr", "1e-5", "--optim.lr_end", "1e-5")


def losses(run: Path) -> dict[int, dict[str, float]]:
    """Step -> pair or total -> loss."""
    prefix = "1 learning/loss/"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: {key: value for key, value in row.items() if key.startswith(prefix)} for row in rows}


def visits(run: Path) -> list[tuple[int, str]]:
    """Step and key of every sample, sorted: rows of a step lie by rank."""
    table = read_observations(run).to_pydict()
    return sorted(zip(table["step"], table["key"], strict=True))


def status(run: Path) -> dict[str, object]:
    return json.loads((run / "status.json").read_text())


def wait_for(condition, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def tree(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """Launcher, ranks, servers and workers."""
    return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def ranks_of(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if "vatt_harmony" in child.cmdline()]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_recipe(tmp_path_factory.mktemp("resume"))


@pytest.fixture(scope="module")
def whole(recipe: Path) -> Path:
    """A run of two ranks at stage 0 that nothing broke, with a copy of itself as it was after step 4."""
    run = recipe.parent / "whole"
    arguments = (str(recipe), "--run", str(run), "--engine.steps", str(STEPS), "--engine.checkpoint_every", str(BORDER))
    process = launch(2, recipe.parent / "whole.txt", *arguments, "--engine.keep", "0", *ZERO0, *SLOW)
    assert process.wait(200) == 0, (recipe.parent / "whole.txt").read_text()
    return run


def test_a_killed_run_goes_on_bit_for_bit_and_leaves_no_process(recipe, whole, tmp_path):
    """SIGKILL to everything after step 6 or later; then the steps after the checkpoint again, with workers now."""
    run = tmp_path / "killed"
    arguments = (str(recipe), "--run", str(run), "--engine.steps", str(STEPS), *ZERO0, *SLOW, "--stream.workers", "1")
    process = launch(2, tmp_path / "1.txt", *arguments, "--engine.checkpoint_every", str(BORDER))
    wait_for(lambda: (run / "metrics.jsonl").exists() and len(losses_so_far(run)) >= BORDER + 2)
    everybody = tree(process)
    for rank in ranks_of(process):  # not the workers: they must notice by themselves
        rank.kill()
    assert process.wait(60) != 0
    _, alive = psutil.wait_procs(everybody, timeout=20)
    assert not alive
    assert (run / "checkpoints" / "latest").is_file()
    assert status(run)["state"] == "running"  # the dead cannot say so

    process = launch(2, tmp_path / "2.txt", *arguments, "--engine.checkpoint_every", "1000")
    assert process.wait(200) == 0, (tmp_path / "2.txt").read_text()
    assert "resuming after step" in (tmp_path / "2.txt").read_text()
    assert losses(run) == losses(whole)
    assert visits(run) == visits(whole)
    assert not list((run / "checkpoints").glob(".*"))


def losses_so_far(run: Path) -> list[str]:
    return (run / "metrics.jsonl").read_text().splitlines()


def test_another_number_of_ranks_goes_on_at_stage_0(recipe, whole, tmp_path):
    run = go_back(whole, tmp_path / "one")
    arguments = (str(recipe), "--run", str(run), "--engine.steps", str(BORDER + 6))
    process = launch(1, tmp_path / "1.txt", *arguments, *ZERO0, *SLOW)
    assert process.wait(200) == 0, (tmp_path / "1.txt").read_text()
    expected, got = losses(whole), losses(run)
    assert visits(run) == [visit for visit in visits(whole) if visit[0] <= BORDER + 6]
    for step, tolerance in [(BORDER + 1, 1e-5), *((BORDER + 1 + later, 1e-3) for later in range(1, 6))]:
        for name, value in expected[step].items():
            assert got[step][name] == pytest.approx(value, rel=tolerance)


def go_back(whole: Path, run: Path) -> Path:
    """A copy of the whole run whose newest checkpoint is that of step 4."""
    shutil.copytree(whole, run)
    (run / "checkpoints" / "latest").write_text(f"step_{BORDER:08d}\n")
    return run


def test_sigterm_writes_a_checkpoint_and_the_run_goes_on(recipe, whole, tmp_path):
    """New weights only by --init; one signalled rank is enough; ended in time, status 0."""
    run = tmp_path / "preempted"
    arguments = (str(recipe), "--run", str(run), "--init", str(whole), "--stream.workers", "1")
    process = launch(2, tmp_path / "1.txt", *arguments, "--engine.steps", "100000")
    wait_for(lambda: (run / "metrics.jsonl").exists() and len(losses_so_far(run)) >= 3)
    everybody = tree(process)
    os.kill(ranks_of(process)[1].pid, signal.SIGTERM)
    assert process.wait(60) == 0, (tmp_path / "1.txt").read_text()
    assert not psutil.wait_procs(everybody, timeout=20)[1]
    assert status(run)["state"] == "preempted"
    done = int(status(run)["step"])
    assert max(losses(run)) <= done and (run / "checkpoints" / "latest").read_text() == f"step_{done:08d}\n"
    assert losses(run)[1] != losses(whole)[1]  # the same samples, but not fresh weights
    process = launch(2, tmp_path / "2.txt", *arguments, "--engine.steps", str(done + 2))
    assert process.wait(200) == 0, (tmp_path / "2.txt").read_text()
    assert status(run) == {**status(run), "state": "finished", "step": done + 2}
