"""What a run has recorded about its clips: the conflict ledger of a checkpoint, and the visits it was made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vatt_harmony.conflicts.history import Visit
from vatt_harmony.engine.checkpoint import find_checkpoint, read_state
from vatt_harmony.engine.observations import FOLDER
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.ledger import load_ledger

LEDGER = "ledger.parquet"
Values = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The ledger's clips, one row each."""

    run: Path
    step: int
    """Of the checkpoint whose ledger this is."""
    signal: str
    rule: str
    keys: pa.ChunkedArray
    """`source/KEY` `[N]`."""
    sources: pa.ChunkedArray
    """Data set of the mixture `[N]`."""
    visits: Numbers
    """Visits with a cosine `[N]`."""
    cosine: Values
    """Mean over them `[N]`; NaN where there is none."""
    losses: dict[str, Values]
    """Pair -> mean loss `[N]`; NaN where the clip lacks the pair."""
    dropped: Numbers
    """Visits that the curriculum left out `[N]`."""

    @property
    def loss(self) -> Values:
        """Sum of a clip's losses `[N]`, of those that it has."""
        return np.nansum(list(self.losses.values()), axis=0) if self.losses else np.zeros(len(self.visits))


def read_evidence(run: Path) -> Evidence:
    """The ledger of the newest checkpoint of a run folder.

    Raises UserError for a folder without a checkpoint, and for a checkpoint without a ledger.
    """
    checkpoint = find_checkpoint(run)
    path = checkpoint / LEDGER
    if not path.is_file():
        raise UserError(
            f"{checkpoint} holds no conflict ledger ({LEDGER})",
            "Nothing is known of the run's clips",
            "Give a run that was trained with harmony.enabled; plain training compares no losses",
        )
    table, facts = load_ledger(path)
    prefix = "loss_"
    return Evidence(
        run=run,
        step=read_state(checkpoint)["step"],
        signal=facts["signal"],
        rule=facts["rule"],
        keys=table["key"],
        sources=table["source"].cast(pa.string()),
        visits=_values(table, "n_obs").astype(np.int64),
        cosine=_values(table, "cos_mean"),
        losses={n.removeprefix(prefix): _values(table, n) for n in table.column_names if n.startswith(prefix)},
        dropped=_values(table, "n_dropped").astype(np.int64),
    )


def read_visits(evidence: Evidence) -> Iterator[Visit]:
    """The visits behind a ledger, part by part; nothing where the run kept no observations."""
    for path in sorted((evidence.run / FOLDER).glob("step_*.parquet")):
        part = pq.read_table(path)
        if "cosine" not in part.column_names:
            continue
        # Parts of later steps stay when a run is sent back to an older checkpoint.
        part = part.filter(pc.and_(pc.is_valid(part["cosine"]), pc.less_equal(part["step"], evidence.step)))
        row = pc.index_in(part["key"], value_set=evidence.keys)
        part, row = part.filter(pc.is_valid(row)), row.drop_null()
        yield Visit(part["step"].to_numpy(), row.to_numpy().astype(np.int64), part["cosine"].to_numpy())


def deviation(evidence: Evidence) -> Values:
    """Standard deviation of a clip's cosine over its visits `[N]`; NaN where it cannot be told."""
    rows = len(evidence.visits)
    count, total, square = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    for part in read_visits(evidence):
        # Around the mean that the ledger knows: sums of squares of small differences lose no digits.
        off = part.cosine - evidence.cosine[part.row]
        for sums, values in ((count, None), (total, off), (square, off**2)):
            sums += np.bincount(part.row, values, rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (square - total**2 / count) / (count - 1)
        return np.where(count > 1, np.sqrt(np.maximum(variance, 0)), np.nan)


def _values(table: pa.Table, name: str) -> Values:
    """A column as float64, NaN for null."""
    return np.asarray(pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
