"""The order of samples where their weights change from version to version of the tables of draws."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.stream.draw_tables import DrawTable, DrawTables
from vatt_harmony.stream.draws import WeightedOrder, continued, draws_of, to_levels
from vatt_harmony.stream.order import Draws, SampleOrder


class VersionedOrder(SampleOrder):
    """A `SampleOrder` whose sources are drawn by the table in force: a pure function of (seed, position, tables).

    The mixture is untouched. When a table takes over, each source's pass goes on where it was: shards that a large
    source has not reached yet are next. Only about a shuffle window a lane may come again or have to wait.
    """

    def __init__(
        self,
        seed: int,
        global_batch: int,
        lanes: int,
        shuffle_window: int,
        sizes: Mapping[str, Sequence[int]],
        weights: Mapping[str, float],
        tables: DrawTables,
    ) -> None:
        super().__init__(seed, global_batch, lanes, shuffle_window, sizes, weights)
        self.tables, self._sizes, self._lanes, self._window = tables, sizes, lanes, shuffle_window
        self._weighted = lru_cache(maxsize=2)(self._read)

    def draws_of(self, name: str, step: int) -> Draws:
        """The plain sequence before the first table, then the one of the version in force; may wait for it."""
        version = self.tables.in_force(step)
        return self._weighted(version)[name] if version else self.sources[name]

    def next_table(self, version: int, weights: Mapping[str, NDArray[np.floating]]) -> DrawTable:
        """Table number `version` (from 1) by each source's weights `[N]`, above 0, in the order of its shards."""
        levels = {name: to_levels(weights[name]) for name in self.sources}
        starts = {}
        for name, new in levels.items():
            place, draws = self._first_draw(version, name), self.sources[name].samples
            if version > 1:
                before = self._weighted(version - 1)[name]
                place, draws = place + before.shift, before.draws
            starts[name] = continued(place, draws, draws_of(int(new.sum(dtype=np.int64)), new))
        return DrawTable(levels, starts)

    def _first_draw(self, version: int, name: str) -> int:
        return self.mixture.before((version + 1) * self.tables.refresh * self.global_batch, name)

    def _read(self, version: int) -> dict[str, WeightedOrder]:
        table = self.tables.read(version)
        return {
            name: WeightedOrder(
                self.seed,
                name,
                self._sizes[name],
                table.levels[name],
                self._lanes,
                self._window,
                table.starts[name] - self._first_draw(version, name),
            )
            for name in self.sources
        }
