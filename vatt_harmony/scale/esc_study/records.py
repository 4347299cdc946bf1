"""Records of the study on ESC-10: one JSON line for every run, with what it got right of the test fold."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vatt_harmony.scale.esc_study.protocol import SEEDS, Arm, Job

FILE = "esc10.jsonl"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one arm made of one test fold."""

    arm: Arm
    fold: int
    seed: int
    sounds: list[str]
    right: list[int]
    """1 for each sound whose class was found, else 0."""
    chosen: dict[str, float]
    """What was tuned."""
    validation: float | None
    """Accuracy on the validation fold that it was chosen by; None where an earlier seed chose."""
    cpu_seconds: float
    """Of tuning and training, without pretraining."""
    commit: str


def append(folder: Path, record: Record) -> None:
    """Keep one record."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a") as file:
        file.write(json.dumps(asdict(record)) + "\n")


def read(folder: Path) -> list[Record]:
    """All records of a folder; none where nothing was run."""
    path = folder / FILE
    return [_record(json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []


def planned(records: Sequence[Record]) -> list[Record]:
    """Those of the seeds that the protocol named beforehand."""
    return [record for record in records if record.seed in SEEDS]


def find(records: Sequence[Record], job: Job) -> Record | None:
    """The record of a job."""
    return next((r for r in records if (r.arm, r.fold, r.seed) == (job.arm, job.fold, job.seed)), None)


def missing(records: Sequence[Record], jobs: Sequence[Job]) -> list[Job]:
    """The jobs that are not on record."""
    return [job for job in jobs if find(records, job) is None]


def _record(kept: dict[str, Any]) -> Record:
    return Record(**{**kept, "arm": Arm(**kept["arm"])})
