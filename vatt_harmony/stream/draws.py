"""Draws of a source by weights, as a pure function: systematic sampling laid under the plain order."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.randomness import keyed_int
from vatt_harmony.stream.order import SourceOrder

TOP = 255
"""Weights are kept as levels 1 to TOP: one byte a sample, and sums that are exact everywhere."""
_BLOCK = 1024
_FRACTION = 1 << 24
_TURN = 1 << 63
_GOLDEN = 5700357409661599242  # _TURN * (sqrt(5) - 1) / 2: offsets of successive passes spread evenly


def to_levels(weights: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Weights `[N]` as levels relative to the greatest; raises ValueError for one that is not above 0 and finite."""
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("weights of draws must be finite and above 0")
    return np.asarray(np.maximum(np.rint(weights * (TOP / weights.max())), 1), dtype=np.uint8)


class WeightedOrder:
    """The n-th draw of a source whose N samples have levels: like `SourceOrder`, but not all come every pass.

    The samples' levels, laid end to end in the order of the shards, are cut into as many equal slots as the greatest
    level fits in; a slot draws the sample in which its point lies, at the same place in every slot of a pass. So in a
    pass each sample comes floor or ceil of its expected number of times, which is at most 1: no clip is its own
    negative. Slots go through shards, lanes and windows as samples do in the plain order, which equal levels give back.
    """

    def __init__(
        self,
        seed: int,
        name: str,
        sizes: Sequence[int],
        levels: NDArray[np.uint8],
        lanes: int,
        shuffle_window: int,
        shift: int = 0,
    ) -> None:
        """`shift`: place in the passes of draw number 0, where an order goes on with the passes of another."""
        self.levels, self.shift = levels, shift
        self._block_ends = np.cumsum(np.add.reduceat(levels, np.arange(0, len(levels), _BLOCK), dtype=np.int64))
        self.total = int(self._block_ends[-1])
        self.draws = draws_of(self.total, levels)
        self._shard_ends = np.cumsum(np.asarray(sizes, dtype=np.int64))
        ends = [self._slots_before(int(end)) for end in self._shard_ends]
        self._slot_starts = [0, *ends]
        self._order = SourceOrder(seed, name, np.diff(self._slot_starts).tolist(), lanes, shuffle_window)
        self._offset = keyed_int(seed, "draws", name)

    def at(self, draw: int, attempt: int = 0) -> tuple[int, int]:
        """(shard, index within it) of a draw, or of its fallback number `attempt` within the same source."""
        draw += self.shift
        shard, index = self._order.at(draw, attempt)
        inside = (self._offset + draw // self.draws * _GOLDEN) % _TURN * _FRACTION // _TURN
        slot = self._slot_starts[shard] + index
        number = self._sample_at((slot * _FRACTION + inside) * self.total // (self.draws * _FRACTION))
        place = int(np.searchsorted(self._shard_ends, number, side="right"))
        return place, number - (int(self._shard_ends[place - 1]) if place else 0)

    def _sample_at(self, point: int) -> int:
        block = int(np.searchsorted(self._block_ends, point, side="right"))
        first = block * _BLOCK
        within = point - (int(self._block_ends[block - 1]) if block else 0)
        ends = np.cumsum(self.levels[first : first + _BLOCK], dtype=np.int64)
        return first + int(np.searchsorted(ends, within, side="right"))

    def _slots_before(self, sample: int) -> int:
        block = sample // _BLOCK
        levels = int(self.levels[block * _BLOCK : sample].sum(dtype=np.int64))
        levels += int(self._block_ends[block - 1]) if block else 0
        return (2 * levels * self.draws + self.total) // (2 * self.total)


def draws_of(total: int, levels: NDArray[np.uint8]) -> int:
    """Draws of a pass: as many as the greatest level fits into the sum of all."""
    return total // int(levels.max())


def continued(place: int, before: int, after: int) -> int:
    """The place in passes of `after` draws that is as far as `place` is in passes of `before` draws."""
    done, rest = divmod(place, before)
    return done * after + rest * after // before
