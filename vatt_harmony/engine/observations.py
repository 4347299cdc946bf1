"""`observations/`: what every visit of a sample said about it, one row a sample and step."""

import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch.distributed as dist
from torch import Tensor

from vatt_harmony.engine.surrogate import Gathered

FOLDER = "observations"


class Observations:
    """Keeps each rank's rows in memory between checkpoints and writes them as one Parquet part a rank and checkpoint.

    Columns: step, key, loss_PAIR (null where not valid), and in a harmonized run cosine (null where the sample is not
    a pair) and kept.
    """

    def __init__(self, run: Path, resumed_step: int) -> None:
        """Parts written after `resumed_step` belong to steps that will be done again; rank 0 removes them."""
        self.folder = run / FOLDER
        self._visits: list[tuple[int, list[str], dict[str, Tensor]]] = []
        if dist.get_rank() == 0:
            self.folder.mkdir(exist_ok=True)
            for part in self.folder.glob("step_*"):
                if part.suffix == ".part" or int(part.name.split("_")[1]) > resumed_step:
                    part.unlink()
        dist.barrier()

    def add(self, step: int, keys: list[str], gathered: Gathered, columns: Mapping[str, Tensor | None]) -> None:
        """Take this rank's rows of global columns `[B]`; they stay on the device until they are written."""
        own = {name: gathered.own(column).clone() for name, column in columns.items() if column is not None}
        self._visits.append((step, keys, own))

    def write(self, step: int) -> None:
        """Write the rows since the last part; call it with every checkpoint, on all ranks."""
        if not self._visits:
            return
        rows: dict[str, list[object]] = {"step": [], "key": []}
        for visited, keys, columns in self._visits:
            rows["step"] += [visited] * len(keys)
            rows["key"] += keys
            for name, column in columns.items():
                # NaN stands for "not valid"; Parquet has a word for that, which also hides what a bad step left.
                rows.setdefault(name, []).extend(v if math.isfinite(v) else None for v in column.tolist())
        part = self.folder / f"step_{step:08d}_rank_{dist.get_rank():05d}.parquet"
        pq.write_table(pa.table(rows), part.with_suffix(".part"))
        part.with_suffix(".part").replace(part)
        self._visits = []


def read_observations(run: Path) -> pa.Table:
    """All rows of a run in the order of steps, written parts only."""
    parts = sorted((run / FOLDER).glob("step_*.parquet"))
    tables = [pq.read_table(part) for part in parts]
    table = pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({"step": [], "key": []})
    return table.take(pc.sort_indices(table, sort_keys=[("step", "ascending")]))
