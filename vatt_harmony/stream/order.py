"""The order of samples as a pure function of (seed, position): no rank, no worker, no buffer, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.randomness import keyed_generator, keyed_int
from vatt_harmony.stream.mixture import Mixture

LOCAL_ATTEMPTS = 3


@dataclass(frozen=True)
class Place:
    """Where a sample lies: source, shard (index into the source's list) and sample within the shard."""

    source: str
    shard: int
    index: int


class Draws(Protocol):
    """The sequence in which the samples of one source are drawn."""

    def at(self, draw: int, attempt: int = 0) -> tuple[int, int]:
        """(shard, index within it) of a draw, or of its fallback number `attempt` within the same source."""
        ...


class SampleOrder:
    """Position in the global sequence -> place of the sample, O(1) at any position.

    `sizes` holds the samples of every shard of a source; `weights` the mixture; B positions form one step.
    """

    def __init__(
        self,
        seed: int,
        global_batch: int,
        lanes: int,
        shuffle_window: int,
        sizes: Mapping[str, Sequence[int]],
        weights: Mapping[str, float],
    ) -> None:
        self.seed, self.global_batch = seed, global_batch
        self.mixture = Mixture(weights)
        self.sources = {
            name: SourceOrder(seed, name, sizes[name], lanes, shuffle_window) for name in self.mixture.names
        }
        self._step_order = lru_cache(maxsize=8)(self._permuted_step)

    def at(self, position: int, attempt: int = 0) -> Place:
        """The sample of a position; attempt > 0 names its fallbacks, should the sample be broken."""
        step, offset = divmod(position, self.global_batch)
        slot = step * self.global_batch + int(self._step_order(step)[offset])
        name, draw = self.mixture.at(slot)
        shard, index = self.draws_of(name, step).at(draw, attempt)
        return Place(name, shard, index)

    def draws_of(self, name: str, step: int) -> Draws:
        """The sequence by which a source is drawn in a step."""
        return self.sources[name]

    def _permuted_step(self, step: int) -> NDArray[np.intp]:
        return keyed_permutation(self.global_batch, self.seed, "step", step)


class SourceOrder:
    """The n-th draw of one source: each run of N draws is an epoch, in which every sample comes once.

    Shards are permuted by epoch; the row of their samples is cut into lanes read side by side, and in each
    lane windows of consecutive samples are permuted. A small source has fewer lanes, so that none is shorter
    than a window: neighbours in a tar (often of one film) must be able to meet in a batch as negatives.
    """

    def __init__(self, seed: int, name: str, sizes: Sequence[int], lanes: int, shuffle_window: int) -> None:
        self.seed, self.name, self.window = seed, name, shuffle_window
        self.sizes = np.asarray(sizes, dtype=np.int64)
        self.samples = int(self.sizes.sum())
        self.lanes = max(1, min(lanes, self.samples // shuffle_window))
        self._shard_order = lru_cache(maxsize=4)(self._permuted_shards)
        self._window_order = lru_cache(maxsize=2 * self.lanes + 2)(self._permuted_window)

    def at(self, draw: int, attempt: int = 0) -> tuple[int, int]:
        """(shard, index within it) of a draw, or of its fallback number `attempt` within the same source."""
        epoch, place = divmod(draw, self.samples)
        if attempt > LOCAL_ATTEMPTS:
            return self._locate(epoch, keyed_int(self.seed, "fallback", self.name, draw, attempt) % self.samples)
        lane, offset = place % self.lanes, place // self.lanes
        start, size = self._lane(lane)
        window = offset // self.window
        length = min(self.window, size - window * self.window)
        inside = offset % self.window
        if attempt:
            inside = keyed_int(self.seed, "fallback", self.name, draw, attempt) % length
        permuted = int(self._window_order(epoch, lane, window, length)[inside])
        return self._locate(epoch, start + window * self.window + permuted)

    def _lane(self, lane: int) -> tuple[int, int]:
        size, longer = divmod(self.samples, self.lanes)
        return lane * size + min(lane, longer), size + (lane < longer)

    def _locate(self, epoch: int, place: int) -> tuple[int, int]:
        order, ends = self._shard_order(epoch)
        rank = int(np.searchsorted(ends, place, side="right"))
        shard = int(order[rank])
        return shard, place - int(ends[rank] - self.sizes[shard])

    def _permuted_shards(self, epoch: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        order = keyed_permutation(len(self.sizes), self.seed, "shards", self.name, epoch)
        return order, np.cumsum(self.sizes[order])

    def _permuted_window(self, epoch: int, lane: int, window: int, length: int) -> NDArray[np.intp]:
        return keyed_permutation(length, self.seed, "window", self.name, epoch, lane, window)


def keyed_permutation(length: int, seed: int, *keys: int | str) -> NDArray[np.intp]:
    """A permutation from the raw Philox stream, which unlike `Generator.permutation` no release may change."""
    raw = keyed_generator(seed, *keys).bit_generator.random_raw(length)
    return np.argsort(raw, kind="stable")
