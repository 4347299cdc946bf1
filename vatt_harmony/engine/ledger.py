"""The conflict ledger of a run: visits of all ranks come together on rank 0, checkpoints hold it, draws follow it."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.engine.checkpoint import find_checkpoint
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.observations import Observations
from vatt_harmony.engine.report import DATA
from vatt_harmony.engine.surrogate import Gathered
from vatt_harmony.harmony.draw_weights import distribution, draw_weights, ranks
from vatt_harmony.harmony.ledger import load_ledger, observe, write_ledger
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.stream import Stream

FILE = "ledger.parquet"

log = logging.getLogger(__name__)


class RunLedger:
    """Every rank keeps its own visits between two collections; rank 0 alone holds the ledger, whole."""

    def __init__(self, run: Path, config: RunConfig, stream: Stream, checkpoint: Path | None, step: int) -> None:
        """Goes on with the checkpoint's ledger after `step` steps; what belongs to later steps is removed."""
        self.config, self.stream = config, stream
        self.kept = config.engine.observations or config.harmony.enabled
        self._table: pa.Table | None = None
        self._figures: dict[str, float] = {}
        if dist.get_rank() == 0:
            self._table = self._resumed(checkpoint)
            if stream.tables:
                stream.tables.forget_after(step)
        self._observations = Observations(run, step)

    def add(self, step: int, batch: Batch, gathered: Gathered, columns: Mapping[str, Tensor | None]) -> None:
        """Take this rank's rows of what step number `step` said of the global batch, columns `[B]`."""
        if self.kept:
            self._observations.add(step, batch, gathered, columns)

    def due(self, step: int) -> bool:
        """Whether a table of draws is to be made after `step` steps."""
        return self.stream.tables is not None and step % self.stream.tables.refresh == 0

    def collect(self, step: int) -> None:
        """Put the visits of all ranks into the ledger, and make a table of draws if one is due. All ranks call it."""
        written = self._observations.write(step)
        dist.barrier()
        if dist.get_rank() == 0:
            parts = self._observations.parts(step) if written else []
            if parts and self.config.harmony.enabled:
                self._table = observe(self._table, self._observations.read(parts))
            if not self.config.engine.observations:
                for part in parts:
                    part.unlink()
            if self.due(step):
                self._make_draws(step)
        dist.barrier()

    def save(self, checkpoint: Path, step: int) -> None:
        """Write `ledger.parquet` into a checkpoint; nothing in plain training. Rank 0."""
        if self._table is not None:
            facts = {"signal": self.config.harmony.signal_name, "rule": self.config.harmony.rule, "step": str(step)}
            write_ledger(checkpoint / FILE, self._table, facts)

    def scalars(self) -> dict[str, dict[str, float]]:
        """How uneven the newest table's draws are; on rank 0, from the first one on."""
        return {DATA: {f"draws/{name}": value for name, value in self._figures.items()}} if self._figures else {}

    def _resumed(self, checkpoint: Path | None) -> pa.Table | None:
        if not self.config.harmony.enabled or checkpoint is None or not (checkpoint / FILE).is_file():
            return None
        table, facts = load_ledger(checkpoint / FILE)
        if facts.get("signal") == self.config.harmony.signal_name:
            return table
        log.warning(
            "the conflict ledger of %s was made with signal %s, whose cosines mean something else: it begins anew",
            checkpoint, facts.get("signal"),
        )  # fmt: skip
        return None

    def _make_draws(self, step: int) -> None:
        weights = {name: self._weights(name, source.samples, step) for name, source in self.stream.sources.items()}
        self.stream.write_table(step, weights)
        drawn = [weights[name] / weights[name].mean() for name in self.stream.maker.order.sources]
        self._figures = distribution(np.concatenate(drawn))

    def _weights(self, source: str, samples: int, step: int) -> NDArray[np.float64]:
        config = self.config.harmony.ledger
        n_obs, last_step, rank = np.zeros(samples, np.int32), np.zeros(samples, np.int32), np.zeros(samples)
        if self._table is not None:
            rows = self._table.filter(pc.equal(self._table["source"].cast(pa.string()), source))
            number = rows["number"].to_numpy()
            n_obs[number], last_step[number] = rows["n_obs"].to_numpy(), rows["last_step"].to_numpy()
            rank[number] = ranks(rows["pct_ema"].to_numpy(), rows["ease_ema"].to_numpy(), config.score)
        return draw_weights(n_obs, last_step, rank, config, step)


def read_ledger(place: Path) -> pa.Table:
    """The conflict ledger of a run folder (its newest checkpoint), a checkpoint, or a file; see harmony/ledger.py.

    Raises UserError where there is none: plain training compares no losses.
    """
    return load_ledger(place if place.is_file() else find_checkpoint(place) / FILE)[0]
