"""The suite `harmony`: the rows 02.1 to 02.9."""

from vatt_harmony.scale.bench import cached, cost, on_device, signal_cells, surgery, tiled
from vatt_harmony.scale.bench.suite import Row
from vatt_harmony.scale.study import rows as study

ROWS: tuple[Row, ...] = (
    cost.ROW,
    surgery.ROW,
    cached.TWO_PASSES_ROW,
    cached.KEEP_HALF_ROW,
    tiled.ROW,
    signal_cells.ROW,
    *study.ROWS,
    on_device.ROW,
)
