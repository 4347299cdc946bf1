"""The suite `harmony`: the rows 02.1 to 02.9."""

from vatt_harmony.scale.bench import cost, surgery, tiled
from vatt_harmony.scale.bench.suite import Row

ROWS: tuple[Row, ...] = (
    cost.ROW,
    surgery.ROW,
    tiled.ROW,
)
