"""Records of a comparison: one JSON line for each row and seed, enough for the table and the page."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vatt_harmony.engine.files import plain
from vatt_harmony.finetune.train.result import Result, numbers

POINTS = 60
"""Most points of a curve that a record keeps."""
CURVE = ("epoch", "step", "train/fused_loss")
"""Kept of an epoch, with the validation figure, fused and of each modality."""
TRACE = ("step", "distance")
"""Kept of a stretch of steps, with `k/MODALITY`."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One row with one seed."""

    row: str
    seed: int
    best_epoch: int
    updates: int
    seconds: float
    validation: Mapping[str, float]
    test: Mapping[str, float]
    items: int = 0
    """Test clips that the figures are of."""
    clips: str = ""
    """Digest of their keys: rows of other modalities may lack other clips."""
    curve: Sequence[Mapping[str, float]] = ()
    """Figures of up to 60 epochs, evenly spread."""
    trace: Sequence[Mapping[str, float]] = ()
    """Coefficients over up to 60 stretches of the training."""


def record(row: str, seed: int, result: Result, figure: str) -> Record:
    """What a fine-tune's result leaves; `figure`: the one that is compared."""
    return Record(
        row=row,
        seed=seed,
        best_epoch=result.best_epoch,
        updates=result.updates,
        seconds=result.seconds,
        validation=result.validation,
        test=result.test,
        items=len(result.predictions.keys),
        clips=digest(result.predictions.keys),
        curve=[_kept(epoch, CURVE, f"validation/{figure}") for epoch in spread(result.history)],
        trace=[_kept(line, TRACE, "k/") for line in spread(result.trace)],
    )


def digest(keys: Sequence[str]) -> str:
    """Of the clips' names, in whatever order."""
    return hashlib.blake2b("\n".join(sorted(keys)).encode(), digest_size=8).hexdigest()


def spread(lines: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """Up to `POINTS` of the lines, evenly spread, first and last among them."""
    if len(lines) <= POINTS:
        return list(lines)
    return [lines[round(place * (len(lines) - 1) / (POINTS - 1))] for place in range(POINTS)]


def read_records(path: Path) -> list[Record]:
    """Whole lines of a records file; none where there is no file."""
    if not path.is_file():
        return []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    return [Record(**numbers(json.loads(line))) for line in lines]


def append_record(path: Path, new: Record) -> None:
    """Add a line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(plain(asdict(new)), separators=(",", ":")) + "\n")


def _kept(figures: Mapping[str, Any], names: Sequence[str], before: str) -> dict[str, float]:
    return {name: round(value, 5) for name, value in figures.items() if name in names or name.startswith(before)}
