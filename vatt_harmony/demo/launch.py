"""One pretraining run through the DeepSpeed launcher, as a user would start it."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from vatt_harmony.engine.launch import free_port
from vatt_harmony.errors import UserError

CPU_RANKS = 2


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run has taken, over all its starts."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of all ranks; their loaders are processes of their own and do the same work in every run."""


def ranks(batch: int) -> int:
    """As many GPUs as share a batch evenly, or two processes on the CPU."""
    devices = torch.cuda.device_count() or CPU_RANKS
    return next(count for count in range(devices, 0, -1) if batch % count == 0)


def pretrain(recipe: str, run: Path, overrides: Sequence[str], processes: int) -> None:
    """Start or resume the run in folder `run` in so many processes; a finished run is left as it is.

    The run's progress bar goes to this terminal, what it prints to `RUN.log`. Raises UserError when it fails.
    """
    if _state(run) == "finished":
        return
    command, log = _command(recipe, run, overrides, processes), run.with_suffix(".log")
    before, began = _children_seconds(), time.monotonic()
    with log.open("a") as output:
        done = subprocess.run(command, env=_environment(processes), stdout=output, check=False)
    spent = cost(run)
    total = Cost(
        seconds=spent.seconds + time.monotonic() - began,
        cpu_seconds=spent.cpu_seconds + _children_seconds() - before,
    )
    _cost_file(run).write_text(json.dumps(asdict(total)))
    if done.returncode or _state(run) != "finished":
        raise UserError(
            f"The run in {run} ended with status {done.returncode} ({_state(run)})",
            "There is no encoder to evaluate",
            f"Read its last lines above and in {log}; starting the demo again resumes the run",
        )


def cost(run: Path) -> Cost:
    """What the run in folder `run` has taken so far."""
    path = _cost_file(run)
    return Cost(**json.loads(path.read_text())) if path.is_file() else Cost()


def _cost_file(run: Path) -> Path:
    return run.with_suffix(".cost.json")


def _state(run: Path) -> str:
    path = run / "status.json"
    status: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return str(status.get("state", "not started"))


def _children_seconds() -> float:
    """CPU time of all processes that this one has started and that have ended, with theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _command(recipe: str, run: Path, overrides: Sequence[str], processes: int) -> list[str]:
    launcher = [sys.executable, "-m", "deepspeed.launcher.runner", "--num_gpus", str(processes)]
    options = ["--master_port", str(free_port()), "--log_level", "warning", "--module", "vatt_harmony"]
    return [*launcher, *options, "pretrain", recipe, "--run", str(run), *overrides]


def _environment(processes: int) -> dict[str, str]:
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    # Warnings of libraries about each other would tear the progress bar.
    environment.setdefault("PYTHONWARNINGS", "ignore::FutureWarning")
    if not torch.cuda.is_available():
        environment["DS_ACCELERATOR"] = "cpu"
        # Otherwise each rank takes all cores, and they wait for one another.
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    return environment
