"""The suite `align`: the rows 03.1 to 03.10."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vatt_harmony.figures import Figure
from vatt_harmony.scale.align_study import grid_runs, text_runs
from vatt_harmony.scale.bench import (
    align_edges,
    align_film,
    align_grid,
    align_identities,
    align_speed,
    align_text,
    align_yms,
)
from vatt_harmony.scale.bench.suite import NotRun, Options, Row


def rows(records: Path | None) -> tuple[Row, ...]:
    """All rows; those of the studies read the finished records of docs/alignment.

    With `records` they read that folder, and make the runs that it has no record of first.
    """
    return (
        align_yms.ROW,
        *_studies(records),
        align_identities.ROW,
        align_speed.ROW,
        align_film.ROW,
        align_edges.ROW,
    )


def _studies(records: Path | None) -> Sequence[Row]:
    if records is None:
        return (align_grid.ROW, *align_text.ROWS)
    grid, text = align_grid.row(records), align_text.rows(records)
    return (
        _made_first(grid, lambda data: grid_runs.make(data / "grid", records), "an hour, less what is on record"),
        # The first of them makes the runs of all.
        *(_made_first(row, lambda data: text_runs.make(data, records), "half an hour, less that") for row in text),
    )


def _made_first(row: Row, make: Callable[[Path], None], takes: str) -> Row:
    def run(options: Options) -> Sequence[Figure]:
        if options.data is None:
            raise NotRun("there are no real media; set VATT_HARMONY_DATA to their folder")
        make(options.data)
        return row.run(options)

    return replace(row, run=run, takes=takes)
