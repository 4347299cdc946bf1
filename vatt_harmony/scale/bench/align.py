"""The suite `align`: the rows 03.1 to 03.10."""

from collections.abc import Sequence
from pathlib import Path

from vatt_harmony.scale.align_study import grid_runs
from vatt_harmony.scale.bench import (
    align_edges,
    align_film,
    align_grid,
    align_identities,
    align_speed,
    align_yms,
)
from vatt_harmony.scale.bench.suite import Row


def rows(records: Path | None, data: Path | None) -> Sequence[Row]:
    """All rows; those of studies read the finished records of docs/alignment, or those in `records`.

    With `records` the runs that are missing there are made first, where `data` holds real media.
    """
    if records is None:
        return _rows(align_grid.RECORDS)
    if data is not None:
        grid_runs.make(data / "grid", records)
    return _rows(records)


def _rows(records: Path) -> tuple[Row, ...]:
    return (
        align_yms.ROW,
        align_grid.row(records),
        align_identities.ROW,
        align_speed.ROW,
        align_film.ROW,
        align_edges.ROW,
    )
