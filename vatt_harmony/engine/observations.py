"""`observations/`: what every visit of a sample said about it, one row a sample and step."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch.distributed as dist
from torch import Tensor

from vatt_harmony.engine.surrogate import Gathered
from vatt_harmony.stream.batch import Batch

FOLDER = "observations"


class Observations:
    """Keeps each rank's rows in memory between checkpoints and writes them as one Parquet part a rank and checkpoint.

    Columns: step, position, source, number (of the sample in its source), key, loss_PAIR (null where not valid), and in
    a harmonized run cosine and log_norm_ratio (null where the sample is not a pair) and kept.
    """

    def __init__(self, run: Path, resumed_step: int) -> None:
        """Parts written after `resumed_step` belong to steps that will be done again; rank 0 removes them."""
        self.folder = run / FOLDER
        self._visits: list[tuple[dict[str, list[object]], dict[str, Tensor]]] = []
        if dist.get_rank() == 0:
            self.folder.mkdir(exist_ok=True)
            for part in self.folder.glob("step_*"):
                if part.suffix == ".part" or int(part.name.split("_")[1]) > resumed_step:
                    part.unlink()
        dist.barrier()

    def add(self, step: int, batch: Batch, gathered: Gathered, columns: Mapping[str, Tensor | None]) -> None:
        """Take this rank's rows of global columns `[B]`; they stay on the device until they are written."""
        own = {name: gathered.own(column).clone() for name, column in columns.items() if column is not None}
        who: dict[str, list[object]] = {"step": [step] * len(batch), "position": batch.position.tolist()}
        who |= {"source": list(batch.sources), "number": list(batch.numbers), "key": list(batch.keys)}
        self._visits.append((who, own))

    def write(self, step: int) -> bool:
        """Write the rows since the last part, if there are any; call it with every checkpoint, on all ranks."""
        if not self._visits:
            return False
        rows: dict[str, list[object]] = {}
        for who, columns in self._visits:
            for name, values in who.items():
                rows.setdefault(name, []).extend(values)
            for name, column in columns.items():
                # NaN stands for "not valid"; Parquet has a word for that, which also hides what a bad step left.
                rows.setdefault(name, []).extend(v if math.isfinite(v) else None for v in column.tolist())
        part = self.folder / f"step_{step:08d}_rank_{dist.get_rank():05d}.parquet"
        pq.write_table(pa.table(rows), part.with_suffix(".part"))
        part.with_suffix(".part").replace(part)
        self._visits = []
        return True

    def parts(self, step: int) -> list[Path]:
        """What all ranks have written at `step`."""
        return [self.folder / f"step_{step:08d}_rank_{rank:05d}.parquet" for rank in range(dist.get_world_size())]

    @staticmethod
    def read(parts: Sequence[Path]) -> pa.Table:
        """The rows of several parts; a column that one of them lacks is null there."""
        return pa.concat_tables([pq.read_table(part) for part in parts], promote_options="permissive")


def read_observations(run: Path) -> pa.Table:
    """All rows of a run in the order of steps, written parts only."""
    parts = sorted((run / FOLDER).glob("step_*.parquet"))
    tables = [pq.read_table(part) for part in parts]
    table = pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({"step": [], "key": []})
    return table.take(pc.sort_indices(table, sort_keys=[("step", "ascending")]))
