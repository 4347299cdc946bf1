"""Records of the study: one JSON line for every arm, task, fold and seed, with each test clip right or wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

FILE = "records.jsonl"
Hits = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One of the settings, tried with the first seed."""

    validation: Mapping[str, float]
    """Accuracy on the validation clips: "fused", or each modality trained alone."""
    loss: Mapping[str, float]
    """Cross-entropy there; it decides between settings of equal accuracy."""
    k: Sequence[float]
    """Mean over steps, in the order of MODALITIES."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one arm made of the test clips of one fold; read once, with the chosen setting."""

    task: str
    arm: str
    fold: int
    seed: int
    chosen: Mapping[str, int]
    """Output -> place of its setting among the arm's."""
    trials: Sequence[Trial]
    """Of the first seed; empty for the others, which take its choice."""
    clips: int
    """Test clips, in the order of the task."""
    hits: Mapping[str, str]
    """Output -> which test clips are right (`unpacked`); networks trained alone also have "ensemble"."""
    probes: Mapping[str, str]
    """Modality -> which test clips a probe of its encoder gets right."""
    only: Mapping[str, float]
    """Modality -> test accuracy of the fused output when all others' features are 0."""
    k: Sequence[Sequence[float]]
    """Mean k of each tenth of the run, in the order of MODALITIES."""
    deviation: Sequence[Sequence[float]]
    """Mean |k - 1| of each tenth, likewise."""
    cpu_seconds: float
    commit: str


def packed(hits: Tensor) -> str:
    """Bool `[N]` as hexadecimal digits."""
    return np.packbits(hits.numpy()).tobytes().hex()


def unpacked(text: str, clips: int) -> Hits:
    """0 or 1 for each of the clips."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8), count=clips).astype(np.float64)


def append(folder: Path, record: Record) -> None:
    """Keep one record."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a") as file:
        file.write(json.dumps(asdict(record), separators=(",", ":")) + "\n")


def read(folder: Path) -> list[Record]:
    """All records of a folder; none where nothing was run."""
    path = folder / FILE
    if not path.is_file():
        return []
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [Record(**{**each, "trials": [Trial(**trial) for trial in each["trials"]]}) for each in found]
