"""`status.json`: where the run stands, for people and scripts that look from outside."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from vatt_harmony.engine.files import write_json_atomically

State = Literal["starting", "running", "finished", "failed", "preempted"]


@dataclass(frozen=True, kw_only=True)
class Status:
    """The content of `status.json`."""

    state: State
    step: int
    """Updates finished."""
    of: int
    """Updates of the whole run."""
    eta_seconds: float | None = None
    """Seconds to the end at the present pace; null before the first step and after the last."""
    last_checkpoint: str | None = None
    """Path inside the run folder."""
    message: str = ""
    """Why it failed or stopped."""


def write_status(folder: Path, status: Status) -> None:
    """Replace `status.json` in the run folder in one move. Rank 0 only."""
    write_json_atomically(folder / "status.json", asdict(status))


def read_status(folder: Path) -> Status | None:
    """`status.json` of a run folder; None if there is none."""
    path = folder / "status.json"
    return Status(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
