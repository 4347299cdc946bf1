"""The suite `main`: the rows 01.1 to 01.13."""

from vatt_harmony.scale.bench import (
    bad_input,
    clone,
    exported,
    grid,
    identities,
    mixture,
    overhead,
    rank_equality,
    realignment,
    resume,
    zero_stages,
)
from vatt_harmony.scale.bench.suite import Row

ROWS: tuple[Row, ...] = (
    clone.ROW,
    *grid.ROWS,
    mixture.ROW,
    rank_equality.ROW,
    zero_stages.STAGES_ROW,
    realignment.ROW,
    resume.ROW,
    identities.ROW,
    bad_input.ROW,
    overhead.ROW,
    exported.ROW,
    zero_stages.MISSING_ROW,
)
