"""The sources of a run: their shards, indexed, and what identifies them."""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.shards.index import ShardIndex, index_shard, open_source
from vatt_harmony.shards.sample import SampleError, split_member, to_sample
from vatt_harmony.stream.config import DataConfig
from vatt_harmony.stream.tokenizer import Tokenizer, load_tokenizer, train_tokenizer

MOST_CAPTIONS = 1_000_000
"""Sentences a vocabulary is learnt from, shared by the sources: more change only its rarest words."""


@dataclass(frozen=True)
class Source:
    """One data set of the mixture with the index of every shard."""

    name: str
    weight: float
    shards: tuple[ShardIndex, ...]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Samples of each shard."""
        return tuple(len(shard) for shard in self.shards)

    @cached_property
    def samples(self) -> int:
        """Samples of the source."""
        return sum(self.sizes)

    @cached_property
    def digest(self) -> str:
        """One digest of all shards in their order: what a checkpoint compares."""
        return hashlib.sha256("".join(shard.digest for shard in self.shards).encode()).hexdigest()[:16]


def open_sources(data: DataConfig) -> dict[str, Source]:
    """Index the shards of every source; raises UserError for one without a readable sample."""
    return {name: open_one(name, config.shards, config.weight) for name, config in data.sources.items()}


def open_one(name: str, shards: str, weight: float = 1.0) -> Source:
    """Index one source; raises UserError when it has no readable sample."""
    source = Source(name, weight, tuple(index_shard(path) for path in open_source(shards)))
    if source.samples == 0:
        damage = "; ".join(f"{shard.path.name}: {shard.damage}" for shard in source.shards if shard.damage)
        raise UserError(
            f"Source {name!r} ({shards}) holds no sample{f' ({damage})' if damage else ''}",
            "The stream would wait for it for ever",
            "Check the path, or build its shards again",
        )
    return source


def prepare_tokenizer(data: DataConfig, words: int) -> Tokenizer:
    """The tokenizer a config asks for: loaded, or trained on the captions of its sources.

    Equal on every rank, as training is deterministic; in a large job let one rank train and save it.
    """
    if data.tokenizer:
        return load_tokenizer(Path(data.tokenizer), words)
    return train_tokenizer(captions_of(open_sources(data)), data.vocabulary, words)


def captions_of(sources: Mapping[str, Source]) -> Iterator[str]:
    """The sentences of all sources, read without their media; at most MOST_CAPTIONS, an equal share of each."""
    for source in sources.values():
        sentences = itertools.chain.from_iterable(map(_shard_captions, source.shards))
        yield from itertools.islice(sentences, MOST_CAPTIONS // len(sources))


def _shard_captions(shard: ShardIndex) -> Iterator[str]:
    with shard.path.open("rb") as file:
        for entry in shard.samples:
            members = {}
            for member in entry.members:
                name = split_member(member.name)
                extension = name[1] if name else ""
                file.seek(member.offset)
                members[extension] = file.read(member.size) if extension in ("json", "txt") else b""
            try:
                yield from (caption.text for caption in to_sample(entry.key, members, "").captions)
            except SampleError:
                continue  # counted when the stream meets the sample
