"""The suite `balance`: the rows 04.1 to 04.7."""

from pathlib import Path

from vatt_harmony.scale.bench import (
    balance_cost,
    balance_edges,
    balance_equal,
    balance_esc,
    balance_golden,
    balance_recipes,
    balance_study_rows,
)
from vatt_harmony.scale.bench.suite import Row


def rows(records: Path | None) -> tuple[Row, ...]:
    """All rows; those of the studies read the finished records of docs/balancing.

    With `records` they read that folder, and make the runs that it has no record of first.
    """
    return (
        balance_golden.ROW,
        balance_equal.ROW,
        balance_cost.ROW,
        balance_study_rows.ROW if records is None else balance_study_rows.made_first(records),
        balance_esc.ROW if records is None else balance_esc.made_first(records),
        balance_edges.ROW,
        balance_recipes.ROW,
    )
