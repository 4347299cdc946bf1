"""The endless training stream: batches by the contracts of order and state."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.errors import UserError
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.config import DataConfig, StreamConfig
from vatt_harmony.stream.draw_tables import DrawTables
from vatt_harmony.stream.ledger import DropLedger
from vatt_harmony.stream.loader import batches
from vatt_harmony.stream.parts import describe
from vatt_harmony.stream.source import open_sources, prepare_tokenizer
from vatt_harmony.stream.step import StepMaker
from vatt_harmony.stream.tokenizer import Tokenizer
from vatt_harmony.stream.turns import in_turns
from vatt_harmony.stream.versions import VersionedOrder

STATE_VERSION = 1


class Stream:
    """One rank's slice of an endless sequence of batches that depends on the data, the config and the seed alone.

    Iterating yields `Batch` with B / W rows from the step after the last one handed out. The gathered rows of all
    ranks are in the order of their positions at any number of ranks and workers. All ranks must build one together.
    Raises UserError for a batch that the ranks cannot share, and for sources without a readable sample.
    """

    def __init__(
        self,
        data: DataConfig,
        stream: StreamConfig,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        tokenizer: Tokenizer | None = None,
        tables: DrawTables | None = None,
    ) -> None:
        """`tables`: where weights of draws that change during the run are found; None = each sample once an epoch."""
        _check_division(stream.global_batch, world_size)
        self.config, self.seed, self.rank, self.world_size = stream, seed, rank, world_size
        self.sources = in_turns(lambda: open_sources(data)) if world_size > 1 else open_sources(data)
        self.tokenizer = tokenizer or prepare_tokenizer(data, stream.words)
        self.ledger, self.tables = DropLedger(), tables
        self.step = 0
        """Steps handed out."""
        self.maker = StepMaker(self.sources, stream, seed, rank, world_size, self.tokenizer, tables)

    def __iter__(self) -> Iterator[Batch]:
        for made in batches(self.maker, self.step, None, self.config):
            self.ledger.add(made.drops)
            self.step += 1
            yield made.batch

    def write_table(self, steps: int, weights: Mapping[str, NDArray[np.floating]]) -> None:
        """Write the table of draws that is due after `steps` steps, from every source's weights `[N]`, above 0.

        One rank only; for a stream with `tables`.
        """
        order, tables = self.maker.order, self.tables
        assert isinstance(order, VersionedOrder) and tables is not None, "a stream without tables of draws"
        tables.write(tables.made(steps), order.next_table(tables.made(steps), weights))

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON that describes the last batch handed out; the same on every rank, at any number of ranks."""
        state = {"version": STATE_VERSION, "position": self.step * self.config.global_batch} | self._identity()
        return state | ({"draw_tables": self.tables.digests(self.step)} if self.tables else {})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after the batch the state describes, in O(1); call it before iterating.

        Raises UserError, with the field and both values, when the sequence would not be the same.
        """
        _check_same("version", state.get("version"), STATE_VERSION)
        for field, value in self._identity().items():
            _check_same(field, state.get(field), value)
        step = int(state["position"]) // self.config.global_batch
        if self.tables:
            _check_same("draw_tables", state.get("draw_tables"), self.tables.digests(step))
        self.step = step

    def _identity(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "global_batch": self.config.global_batch,
            "lanes": self.config.lanes,
            "shuffle_window": self.config.shuffle_window,
            "draw_refresh": self.tables.refresh if self.tables else None,
            "weights": {name: source.weight for name, source in self.sources.items()},
            "digests": {name: source.digest for name, source in self.sources.items()},
        }

    def summary(self) -> list[str]:
        """How lanes, shards, ranks and workers share the work, as lines of arithmetic."""
        config, ranks = self.config, self.world_size
        lines = [
            f"batch {config.global_batch} = {ranks} ranks x {config.global_batch // ranks} samples, "
            f"{config.workers} workers a rank",
            f"clip {config.seconds:.2f} s = {config.frames} frames at {config.fps:g} fps, {config.size} px; "
            f"{config.samples} samples at {config.sample_rate} Hz; {config.candidates} x {config.words} tokens",
        ]
        lines += describe(self.maker.rows, config)
        share = sum(source.weight for source in self.sources.values())
        for name, source in self.sources.items():
            ordered = self.maker.order.sources.get(name)
            lanes = ordered.lanes if ordered else 0
            mixed = min(source.samples, lanes * config.shuffle_window)
            lines.append(
                f"{name}: {source.weight / share:.1%} of the batch; {source.samples} samples in "
                f"{len(source.shards)} shards; {lanes} lanes x {config.shuffle_window} -> {mixed} shuffled together"
            )
            lines += [f"{name}: {s.path.name} is damaged: {s.damage}" for s in source.shards if s.damage]
        return lines


def _check_division(global_batch: int, world_size: int) -> None:
    if global_batch % world_size:
        below, above = global_batch - global_batch % world_size, global_batch + -global_batch % world_size
        raise UserError(
            f"stream.global_batch {global_batch} / {world_size} ranks = {global_batch / world_size:.2f}",
            "Ranks would hold different numbers of samples, and their gradients could not be averaged",
            f"Set stream.global_batch to {f'{below} or ' if below else ''}{above}",
        )


def _check_same(field: str, saved: object, now: object) -> None:
    if isinstance(saved, Mapping) and isinstance(now, Mapping):
        for name in sorted(saved.keys() | now.keys()):
            _check_same(f"{field}.{name}", saved.get(name), now.get(name))
    elif saved != now:
        raise UserError(
            f"The stream's {field} is {now!r}, the checkpoint's {saved!r}",
            "The run would not see the samples it would have seen",
            "Restore the old value, or start anew from the weights alone with --init",
        )
