"""Records of the study on GRID films: one JSON line for every method and run, with its scores of each test film."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vatt_harmony.align.metrics import Scores
from vatt_harmony.scale.align_study.grid_protocol import Job

FILE = "grid.jsonl"
FIGURES = ("accuracy", "iou", "null_precision", "null_recall", "null_text_precision", "null_text_recall")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one method made of the test films of one fold."""

    arm: str
    """The job it is of."""
    method: str
    """The arm, or a baseline's name."""
    shown: str
    fold: int
    seed: int
    films: list[str]
    scores: dict[str, list[float | None]]
    """Figure -> value of each film; None where a film has nothing to measure."""
    validation: float | None
    """Clip accuracy on the validation films that its parameters or its epoch were chosen by."""
    chosen: str
    """Those parameters, or that epoch."""
    cpu_seconds: float
    commit: str


def scored(found: Sequence[Scores]) -> dict[str, list[float | None]]:
    """The scores of films as a record keeps them."""

    def kept(value: float) -> float | None:
        return None if value != value else round(value, 6)

    return {figure: [kept(getattr(each, figure)) for each in found] for figure in FIGURES}


def append(folder: Path, records: Iterable[Record]) -> None:
    """Keep the records of one job, all at once."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(asdict(record)) + "\n" for record in records)
    with (folder / FILE).open("a") as file:
        file.write(lines)


def read(folder: Path) -> list[Record]:
    """All records of a folder; none where nothing was run."""
    path = folder / FILE
    if not path.is_file():
        return []
    return [_record(json.loads(line)) for line in path.read_text().splitlines()]


def is_done(records: Sequence[Record], job: Job) -> bool:
    """Whether a job is on record."""
    return any((r.arm, r.shown, r.fold, r.seed) == (job.arm, job.shown, job.fold, job.seed) for r in records)


def _record(kept: dict[str, object]) -> Record:
    record = Record(**kept)  # type: ignore[arg-type]
    return record
