"""Records of runs: one JSON file each while the study runs, so that it resumes; one file for all when it is done."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from vatt_harmony.scale.study.protocol import Job
from vatt_harmony.scale.study.train import Run

Record = dict[str, Any]
SHARED = "records.jsonl"
CLIPS = "clips.npz"


def write_record(folder: Path, job: Job, record: Record, run: Run, faults: Any) -> None:
    """Keep a run; what it says of each clip goes beside it. A record that is there is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = run.observed.columns(len(faults)).astype(np.float16)
    np.savez_compressed(folder / f"{job.name}.npz", columns=columns, faults=faults)
    path = folder / f"{job.name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record))
    part.rename(path)


def is_done(folder: Path, job: Job) -> bool:
    """Whether the run was made."""
    return (folder / f"{job.name}.json").is_file()


def read_records(folder: Path) -> list[Record]:
    """All records of a folder, of single runs or of a finished study."""
    shared = folder / SHARED
    if shared.is_file():
        return [json.loads(line) for line in shared.read_text().splitlines()]
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
