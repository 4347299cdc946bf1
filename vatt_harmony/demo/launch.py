"""One pretraining run through the DeepSpeed launcher, as a user would start it."""

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from vatt_harmony.errors import UserError

CPU_RANKS = 2


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run has taken, over all its starts."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of all ranks and their loaders."""


def ranks() -> int:
    """All GPUs, or two processes on the CPU."""
    return torch.cuda.device_count() or CPU_RANKS


def pretrain(recipe: str, run: Path, overrides: Sequence[str]) -> Cost:
    """Start or resume the run in folder `run` on all devices; a finished run is left as it is.

    The run's progress bar goes to this terminal, what it prints to `RUN.log`. Raises UserError when it fails.
    """
    if _state(run) != "finished":
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        log = run.with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as output:
            done = subprocess.run(_command(recipe, run, overrides), env=_environment(), stdout=output, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        spent = cost(run)
        total = Cost(seconds=spent.seconds + time.monotonic() - began, cpu_seconds=spent.cpu_seconds + used)
        _cost_file(run).write_text(json.dumps(asdict(total)))
        if done.returncode or _state(run) != "finished":
            raise UserError(
                f"The run in {run} ended with status {done.returncode} ({_state(run)})",
                "There is no encoder to evaluate",
                f"Read its last lines above and in {log}; starting the demo again resumes the run",
            )
    return cost(run)


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


def _command(recipe: str, run: Path, overrides: Sequence[str]) -> list[str]:
    launcher = [sys.executable, "-m", "deepspeed.launcher.runner", "--num_gpus", str(ranks())]
    options = ["--master_port", str(_free_port()), "--log_level", "warning", "--module", "vatt_harmony"]
    return [*launcher, *options, "pretrain", recipe, "--run", str(run), *overrides]


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    # Warnings of libraries about each other would tear the progress bar.
    environment.setdefault("PYTHONWARNINGS", "ignore::FutureWarning")
    if not torch.cuda.is_available():
        environment["DS_ACCELERATOR"] = "cpu"
        # Otherwise each rank takes all cores, and they wait for one another.
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // ranks())))
    return environment


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
