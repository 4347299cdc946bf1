"""Records of the studies on text: one JSON line for every method and run, with its scores of each test video."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from vatt_harmony.align.bootstrap import group_means
from vatt_harmony.align.metrics import scores
from vatt_harmony.align.sequence import AlignmentSequence, Owners
from vatt_harmony.scale.align_study.text_protocol import Job

FILE = "text.jsonl"
FIGURES = ("accuracy", "iou")
"""Clip accuracy and sentence intersection over union."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one method made of the test videos."""

    data: str
    arm: str
    """The job it is of."""
    method: str
    """The arm, or a baseline's name."""
    share: float
    seed: int
    videos: list[str]
    scores: dict[str, list[float]]
    """Figure -> value of each video, mean over its sequences."""
    validation: float | None
    """Clip accuracy on the validation videos: what its epoch or its parameters were chosen by."""
    chosen: str
    """That epoch, or those parameters."""
    cpu_seconds: float
    commit: str
    movement: dict[str, list[float]] = field(default_factory=dict)
    """Part of the network -> mean change of an update relative to its norm, for every epoch; where analysed."""


def by_video(
    sequences: Sequence[AlignmentSequence], found: Sequence[Owners]
) -> tuple[list[str], dict[str, list[float]]]:
    """Videos, sorted, and every figure of them as a record keeps it."""
    each = [scores(sequence, owners) for sequence, owners in zip(sequences, found, strict=True)]
    groups = [sequence.group for sequence in sequences]
    values = np.array([[getattr(score, figure) for figure in FIGURES] for score in each], np.float64)
    means = group_means(values, groups).round(6).T.tolist()
    return sorted(set(groups)), dict(zip(FIGURES, means, strict=True))


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
    kept: list[Mapping[str, object]] = [json.loads(line) for line in path.read_text().splitlines()]
    return [Record(**each) for each in kept]  # type: ignore[arg-type]


def missing(records: Sequence[Record], planned: Sequence[Job]) -> Job | None:
    """The first planned job that is not on record."""
    return next((job for job in planned if not is_done(records, job)), None)


def is_done(records: Sequence[Record], job: Job) -> bool:
    """Whether a job is on record."""
    return any((r.data, r.arm, r.share, r.seed) == (job.data, job.arm, job.share, job.seed) for r in records)
