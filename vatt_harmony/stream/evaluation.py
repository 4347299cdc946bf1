"""A finite pass over a source: every sample once, in order, without chance, in steps equal on all ranks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vatt_harmony.randomness import keyed_int
from vatt_harmony.shards.sample import Sample
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.collate import collate
from vatt_harmony.stream.config import StreamConfig
from vatt_harmony.stream.ledger import Drop, DropLedger, count
from vatt_harmony.stream.loader import Made, batches
from vatt_harmony.stream.order import Place
from vatt_harmony.stream.reader import SourceReader
from vatt_harmony.stream.sample import Example, evaluation_example
from vatt_harmony.stream.source import Source, open_one
from vatt_harmony.stream.tokenizer import Tokenizer
from vatt_harmony.stream.turns import in_turns

MOST_WORKERS = 2
"""Workers of a pass: those of the training stream go on reading ahead meanwhile."""


def evaluation_batches(
    shards: str | Source,
    config: StreamConfig,
    tokenizer: Tokenizer,
    *,
    name: str = "evaluation",
    windows: int = 1,
    rows: int = 16,
    limit: int | None = None,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[Batch]:
    """Batches of `rows` rows a rank over the first `limit` samples of `shards` (all, if None); all ranks must call it.

    Shards that are evaluated again and again are opened once: give the `Source`, whose name then counts.
    Row p of the gathered batches is window p % `windows` of sample p // `windows`, and `position` is p, which tells
    samples apart even where they share a key. Windows are linearly spaced, centre square, no mirror, colour or noise.
    The last batch is padded with rows that have no modality, an empty key and position -1. A broken sample keeps its
    position and has no modality; it is counted.
    """
    source = _opened(name, shards, world_size) if isinstance(shards, str) else shards
    config = replace(config, workers=min(config.workers, MOST_WORKERS))
    maker = EvaluationMaker(source, config, tokenizer, windows, rows, limit, rank, world_size)
    ledger = DropLedger()
    for made in batches(maker, 0, maker.steps, config):
        ledger.add(made.drops)
        yield made.batch


def _opened(name: str, shards: str, world_size: int) -> Source:
    return in_turns(lambda: open_one(name, shards)) if world_size > 1 else open_one(name, shards)


@dataclass
class EvaluationMaker:
    """The rows of one rank for any step of an evaluation; picklable for workers."""

    source: Source
    config: StreamConfig
    tokenizer: Tokenizer
    windows: int
    rows: int
    limit: int | None
    rank: int
    world_size: int

    def __post_init__(self) -> None:
        samples = self.source.samples if self.limit is None else min(self.limit, self.source.samples)
        self.total = samples * self.windows
        self.steps = -(-self.total // (self.rows * self.world_size))
        self._reader = SourceReader({self.source.name: self.source})

    def __call__(self, step: int, rows: range) -> Made:
        first = (step * self.world_size + self.rank) * self.rows
        positions = range(first + rows.start, first + rows.stop)
        seeds = [keyed_int(0, position, "evaluation") for position in positions]
        read = [self._read(position, seed) for position, seed in zip(positions, seeds, strict=True)]
        drops = [drop for _, found in read for drop in found]
        batch = collate(
            [example for example, _ in read],
            [self.source.name] * len(rows),
            seeds,
            [position if position < self.total else -1 for position in positions],
            self.config,
            self.tokenizer,
            count(drops),
        )
        return Made(batch, drops)

    def _read(self, position: int, seed: int) -> tuple[Example | None, list[Drop]]:
        if position >= self.total:
            return None, []
        number, window = divmod(position, self.windows)

        def make(sample: Sample, key: str) -> Example:
            return evaluation_example(sample, key, self.config, seed, window, self.windows)

        return self._reader.example(Place(self.source.name, *self.source.locate(number)), make)
