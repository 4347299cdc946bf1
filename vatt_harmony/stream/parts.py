"""How a rank's batch is cut into the parts that workers make, and what those in flight take of shared memory."""

import os
import shutil
from pathlib import Path

from vatt_harmony.stream.config import StreamConfig

MOST_ROWS = 32
"""Rows of a part: many workers that each held whole batches of hundreds of clips would fill the shared memory."""
SHARED_MEMORY = Path("/dev/shm")


def cut(rows: int) -> list[range]:
    """The parts of a batch of `rows` rows, in order, of nearly equal size and at most MOST_ROWS."""
    count = -(-rows // MOST_ROWS)
    return [range(part * rows // count, (part + 1) * rows // count) for part in range(count)]


def ahead(rows: int, config: StreamConfig) -> int:
    """Parts each worker prepares ahead: `prefetch`, or more where all workers' together were less than a batch."""
    return max(config.prefetch, -(-len(cut(rows)) // config.workers))


def row_bytes(config: StreamConfig) -> int:
    """Bytes of one row: picture, sound and token ids."""
    return 3 * config.frames * config.size**2 + 4 * config.samples + 8 * config.candidates * config.words


def describe(rows: int, config: StreamConfig) -> list[str]:
    """The arithmetic of what the workers of this machine may hold, and a warning where it does not fit."""
    if config.workers == 0:
        return []
    part, each = max(map(len, cut(rows))), ahead(rows, config)
    rank = (config.workers * each + 1) * part * row_bytes(config)  # the last one read is held until the next
    # The names that torchrun and DeepSpeed's launcher give it.
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("LOCAL_SIZE") or 1)
    total = rank * ranks
    free = shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None
    told = "" if free is None else f"; {SHARED_MEMORY} has {free / 1e9:.2f} GB free"
    lines = [
        f"in flight: ({config.workers} workers x {each} + 1) parts x {part} rows x {row_bytes(config) / 1e6:.2f} MB = "
        f"{rank / 1e9:.2f} GB a rank, x {ranks} ranks of this machine = {total / 1e9:.2f} GB{told}"
    ]
    if free is not None and total > free:
        lines.append(
            f"warning: workers may hold {total / 1e9:.2f} GB in {SHARED_MEMORY}, which has {free / 1e9:.2f} GB free, "
            "and would die of it (bus error) in the middle of the run: lower stream.workers or stream.prefetch, "
            "or give the container more (--shm-size)"
        )
    return lines
