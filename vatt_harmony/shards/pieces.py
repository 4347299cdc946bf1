"""Long videos as many rows: cut into clips of a fixed length before anything is encoded."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vatt_harmony.media.decode import probe
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.manifest import ManifestRow
from vatt_harmony.shards.parallel import run_parallel

MIN_SECONDS = 0.5
"""Length of the shortest clip that is stored."""


def cut_long(rows: Sequence[ManifestRow], seconds: float, workers: int) -> list[ManifestRow]:
    """The rows, with each file longer than `seconds` that has no times of its own as rows of `seconds` each.

    The last of them is what remains, left out when it is shorter than MIN_SECONDS. A file that cannot be opened stays
    one row: it is counted when it is read. `workers` processes (0: one for each core) read the lengths.
    """
    paths = list(dict.fromkeys(row.path for row in rows if row.start is None and row.end is None))
    extents = dict(run_parallel(_extent, paths, workers))
    return [piece for row in rows for piece in _pieces(row, seconds, extents.get(row.path, (0.0, 0.0)))]


def _pieces(row: ManifestRow, seconds: float, extent: tuple[float, float]) -> list[ManifestRow]:
    first, last = extent
    if row.start is not None or row.end is not None or last - first <= seconds:
        return [row]
    count = math.ceil((last - first - MIN_SECONDS) / seconds)
    edges = [*(first + k * seconds for k in range(count)), min(first + count * seconds, last)]
    return [replace(row, start=start, end=end, cut_from=extent) for start, end in itertools.pairwise(edges)]


def _extent(path: Path) -> tuple[float, float]:
    """Start and end of what a file's streams hold in common, in seconds; nothing when it has no length."""
    try:
        first, last = probe(path).common
    except MediaError:
        return 0.0, 0.0
    return (first, last) if math.isfinite(last) else (0.0, 0.0)
