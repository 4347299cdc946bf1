"""`bench study`: make the runs that are missing, then the table."""

from pathlib import Path

import torch

from vatt_harmony.errors import UserError
from vatt_harmony.scale.bench.suite import Options
from vatt_harmony.scale.study.grid import grid_detection
from vatt_harmony.scale.study.presets import CPU, CUDA
from vatt_harmony.scale.study.protocol import cuda_groups, groups
from vatt_harmony.scale.study.publish import publish
from vatt_harmony.scale.study.records import read_grid, write_grid
from vatt_harmony.scale.study.work import run_groups

PUBLISHED = "published"
"""Folder, beside the records, of the files that docs/study holds."""


def run_study(records: Path, device: str = "cpu", processes: int = 1, data: Path | None = None) -> None:
    """Make all runs of the study on `device` ("cpu" or "cuda") whose records are not in the folder `records`.

    cpu: the protocol of docs/study.md, `processes` runs at a time, then GRID where `data` holds real media; cuda: four
    arms of MA-Small on 131,072 clips, one after the other. Starting again goes on where it was left. Raises UserError
    without a CUDA device.
    """
    if device == "cpu":
        run_groups(groups(), CPU, records, processes)
        if data is not None and read_grid(records) is None:
            write_grid(records, grid_detection(Options(data=data)))
        publish(records, records / PUBLISHED)
        return
    if not torch.cuda.is_available():
        raise UserError(
            "--device is cuda, but torch finds no CUDA device",
            "MA-Small on 131,072 clips would take weeks on a CPU",
            "Give --device cpu, or start where there is a device",
        )
    run_groups(cuda_groups(), CUDA, records)
