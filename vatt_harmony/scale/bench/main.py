"""The suite `main`: the rows 01.1 to 01.13."""

from vatt_harmony.scale.bench import overhead, rank_equality, realignment, zero_stages
from vatt_harmony.scale.bench.suite import Row

ROWS: tuple[Row, ...] = tuple(
    sorted(
        (overhead.ROW, rank_equality.ROW, *zero_stages.ROWS, realignment.ROW),
        key=lambda row: [int(part) for part in row.id.split(".")],
    )
)
