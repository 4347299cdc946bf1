"""The rows of one rank for any step of the training stream."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vatt_harmony.randomness import keyed_int
from vatt_harmony.stream.collate import collate
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.draw_tables import DrawTables
from vatt_harmony.stream.ledger import count
from vatt_harmony.stream.loader import Made
from vatt_harmony.stream.order import SampleOrder
from vatt_harmony.stream.reader import PositionReader
from vatt_harmony.stream.source import Source
from vatt_harmony.stream.tokenizer import Tokenizer
from vatt_harmony.stream.versions import VersionedOrder


class StepMaker:
    """The rows of one rank for any step, from nothing but the step's number; picklable for workers."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        config: StreamConfig,
        seed: int,
        rank: int,
        world_size: int,
        tokenizer: Tokenizer,
        tables: DrawTables | None = None,
    ) -> None:
        self._arguments = (sources, config, seed, rank, world_size, tokenizer, tables)
        self.config, self.seed, self.rank, self.world_size = config, seed, rank, world_size
        self.sources, self.tokenizer = sources, tokenizer
        sizes = {name: source.sizes for name, source in sources.items()}
        weights = {name: source.weight for name, source in sources.items()}
        plain = (seed, config.global_batch, config.lanes, config.shuffle_window, sizes, weights)
        self.order = SampleOrder(*plain) if tables is None else VersionedOrder(*plain, tables)
        self._reader = PositionReader(self.order, sources, config)

    def __reduce__(self) -> tuple[type["StepMaker"], tuple[Any, ...]]:
        return StepMaker, self._arguments  # caches and open files stay in their process

    @property
    def rows(self) -> int:
        """Rows of every batch of this rank."""
        return self.config.global_batch // self.world_size

    def __call__(self, step: int, rows: range) -> Made:
        first = step * self.config.global_batch + self.rank * self.rows
        positions = range(first + rows.start, first + rows.stop)
        seeds = [keyed_int(self.seed, position, "sample") for position in positions]
        read = [self._reader.read(position, seed) for position, seed in zip(positions, seeds, strict=True)]
        drops = [drop for _, _, found in read for drop in found]
        places = [place for place, _, _ in read]
        batch = collate(
            [example for _, example, _ in read],
            [place.source for place in places],
            seeds,
            positions,
            self.config,
            self.tokenizer,
            count(drops),
        )
        numbers = [self.sources[place.source].number(place.shard, place.index) for place in places]
        return Made(replace(batch, numbers=numbers), drops)
