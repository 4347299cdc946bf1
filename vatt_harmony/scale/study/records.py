"""Records of runs: one file each while the study runs, so that it resumes; a table of all when it is done."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.errors import UserError
from vatt_harmony.scale.study.data import digest
from vatt_harmony.scale.study.detect import Area, Detection
from vatt_harmony.scale.study.observed import COLUMNS
from vatt_harmony.scale.study.protocol import CLIPS, LEVEL, SEEDS, Job
from vatt_harmony.scale.study.train import Run
from vatt_harmony.scale.study.visits import Values

Record = dict[str, Any]
RECORDS = "records.jsonl"
"""One line a run."""
VISITED = "clips.npz"
"""What the plain runs at 30 % say of each clip, seed by seed."""
GRID = "grid.json"
"""Areas on real clips."""


def write_record(folder: Path, job: Job, record: Record, run: Run, faults: NDArray[np.str_]) -> None:
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
    table = folder / RECORDS
    if table.is_file():
        return [json.loads(line) for line in table.read_text().splitlines()]
    return [json.loads(path.read_text()) for path in sorted(folder.glob("seed*.json"))]


def refuse_other_clips(folder: Path) -> None:
    """Raises UserError when records of `folder` were made on clips that the generator no longer draws."""
    others = [record for record in read_records(folder) if record["digest"] != digest()[:16]]
    if others:
        raise UserError(
            f"{folder} holds {len(others)} records of other clips (generator {others[0]['digest']}, "
            f"now {digest()[:16]})",
            "Runs on different clips would stand in one table",
            "Give another folder with --records, or go back to the version that made them",
        )


def read_clips(folder: Path, arm: str = "plain") -> tuple[Values, NDArray[np.str_]]:
    """`COLUMNS` of the clips of all runs of an arm at 30 % `[N, C]`, and their faults `[N]`.

    A finished study keeps those of the plain arm only.
    """
    whole = folder / VISITED
    jobs = [Job(arm=arm, seed=seed, share=LEVEL, train=CLIPS) for seed in SEEDS]
    paths = [whole] if whole.is_file() else [folder / f"{job.name}.npz" for job in jobs if is_done(folder, job)]
    parts = [np.load(path) for path in paths]
    columns = np.concatenate([part["columns"] for part in parts]).astype(np.float64)
    assert columns.shape[1] == len(COLUMNS), "records of another version"
    return columns, np.concatenate([part["faults"] for part in parts])


def write_grid(folder: Path, found: Detection) -> None:
    """Keep what was found on the GRID corpus."""
    (folder / GRID).write_text(json.dumps(asdict(found), indent=1) + "\n")


def write_table(folder: Path, records: Sequence[Record], columns: Values, faults: NDArray[np.str_]) -> None:
    """Keep a finished study in two files: a line a run, and what the plain runs at 30 % say of each clip."""
    (folder / RECORDS).write_text("".join(json.dumps(record) + "\n" for record in records))
    np.savez_compressed(folder / VISITED, columns=columns.astype(np.float16), faults=faults)


def read_grid(folder: Path) -> Detection | None:
    """What was found on the GRID corpus; None where that was not run."""
    path = folder / GRID
    if not path.is_file():
        return None
    kept = json.loads(path.read_text())
    areas = {name: Area(**area) for name, area in kept["areas"].items()}
    return Detection(areas=areas, by_fault=kept["by_fault"], gain=Area(**kept["gain"]))
