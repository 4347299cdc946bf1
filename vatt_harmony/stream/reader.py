"""A position of the global sequence to one example, broken samples replaced by their pure fallbacks."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from vatt_harmony.errors import UserError
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample, SampleError
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.ledger import Drop, count
from vatt_harmony.stream.order import Place, SampleOrder
from vatt_harmony.stream.sample import Example, training_example
from vatt_harmony.stream.source import Source

Result = TypeVar("Result")

READ_RETRIES = 2
RETRY_SECONDS = 0.1


class ReadError(Exception):
    """A sample whose bytes the file system did not give, several times over."""


class SourceReader:
    """Reads samples of the sources by place; one per process."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources, self._shards = sources, ShardReader()

    def example(self, place: Place, make: Callable[[Sample, str], Example]) -> tuple[Example | None, list[Drop]]:
        """Read a sample and make an example of it; None, with the reason, when it is broken.

        Faults of the data, and of the file system when they last, are caught; an error of the program ends the run.
        """
        shard = self._sources[place.source].shards[place.shard]
        where = f"sample {place.index} in {shard.path}"
        try:
            index = self._retry(shard.index)
            where = f"{index.samples[place.index].key} in {shard.path}"
            sample = self._retry(lambda: self._shards.read(index, place.index))
            # A record's own source keeps keys apart where one folder holds the shards of several.
            own = sample.source if "version" in sample.record else place.source
            example = make(sample, f"{own}/{sample.key}")
        except (MediaError, SampleError) as error:
            return None, [Drop(place.source, error.reason, where, error.detail)]
        except ReadError as error:
            return None, [Drop(place.source, "read error", where, str(error))]
        return example, [Drop(place.source, reason, where, "", masked=True) for reason in example.masked]

    def _retry(self, read: Callable[[], Result]) -> Result:
        for _ in range(READ_RETRIES):
            with contextlib.suppress(OSError):
                return read()
            self._shards.close()  # a handle of a network file system may have gone stale
            time.sleep(RETRY_SECONDS)
        try:
            return read()
        except OSError as error:
            raise ReadError(str(error)) from error


class PositionReader:
    """Reads the training example of a position; the same from any rank, worker and time."""

    def __init__(self, order: SampleOrder, sources: Mapping[str, Source], config: StreamConfig) -> None:
        self.order, self.config = order, config
        self._reader = SourceReader(sources)

    def read(self, position: int, seed: int) -> tuple[Place, Example, list[Drop]]:
        """Place, example and drops of a position.

        Raises UserError with the ledger when `failure_limit` samples of the source fail one after the other.
        """
        drops: list[Drop] = []
        for attempt in range(self.config.failure_limit):
            place = self.order.at(position, attempt)
            example, found = self._reader.example(
                place, lambda sample, key: training_example(sample, key, self.config, seed)
            )
            drops += found
            if example is not None:
                return place, example, drops
        told = ", ".join(f"{name}: {number}" for name, number in count(drops).items())
        raise UserError(
            f"{len(drops)} samples of source {place.source!r} failed one after the other ({told}); "
            f"the last was {drops[-1].place}: {drops[-1].detail}",
            "The stream would yield nothing of this source",
            "Run `vatt-harmony shards verify` on its shards, mend or remove them, or set the source's weight to 0",
        )
