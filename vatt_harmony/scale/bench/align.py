"""The suite `align`: the rows 03.1 to 03.10."""

from vatt_harmony.scale.bench import align_yms
from vatt_harmony.scale.bench.suite import Row

ROWS: tuple[Row, ...] = (align_yms.ROW,)
