"""The sources of a run: their shards, counted and identified; what lies in a shard is read when it is needed."""

import hashlib
import itertools
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from vatt_harmony.errors import UserError
from vatt_harmony.shards.index import ShardIndex, cached_index, changed, index_shard, is_cached, open_source
from vatt_harmony.shards.sample import SampleError, split_member, to_sample
from vatt_harmony.stream.config import DataConfig
from vatt_harmony.stream.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from vatt_harmony.stream.turns import warn_once

MOST_CAPTIONS = 1_000_000
"""Sentences a vocabulary is learnt from, shared by the sources: more change only its rarest words."""
INDEX_THREADS = 8
"""Shards read at once; reading and hashing leave Python's lock."""
INDEXES_HELD = 512
"""Indexes a process holds: twice the lanes, so that shards read side by side are not parsed again and again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shard:
    """What a run must know of a shard before it reads from it: a few hundred bytes, whatever the shard holds."""

    path: Path
    samples: int
    digest: str
    damage: str
    kept: ShardIndex | None
    """Its index, where no cache of it could be written."""

    def __len__(self) -> int:
        return self.samples

    def index(self) -> ShardIndex:
        """Its samples, from the cache of the index; the last few hundred stay in memory.

        Raises UserError if the shard is not the one that was opened, OSError if it cannot be read.
        """
        return self.kept or _load_index(self.path, self.digest)


@lru_cache(maxsize=INDEXES_HELD)
def _load_index(path: Path, digest: str) -> ShardIndex:
    index = cached_index(path)
    if index is None or index.digest != digest:
        path.stat()  # a shard that vanished is a fault of reading, which is tried again
        index = index_shard(path)
    if index.digest != digest:
        raise changed(path, index, path.stat().st_size)
    return index


@dataclass(frozen=True)
class Source:
    """One data set of the mixture: its shards, in order."""

    name: str
    weight: float
    shards: tuple[Shard, ...]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Samples of each shard."""
        return tuple(len(shard) for shard in self.shards)

    @cached_property
    def samples(self) -> int:
        """Samples of the source."""
        return sum(self.sizes)

    def locate(self, number: int) -> tuple[int, int]:
        """(shard, index within it) of a sample's number in the source."""
        shard = int(np.searchsorted(self._ends, number, side="right"))
        return shard, number - int(self._ends[shard]) + self.sizes[shard]

    def number(self, shard: int, index: int) -> int:
        """The number in the source of a sample by (shard, index within it)."""
        return int(self._ends[shard]) - self.sizes[shard] + index

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum(self.sizes, dtype=np.int64)

    @cached_property
    def digest(self) -> str:
        """One digest of all shards in their order: what a checkpoint compares."""
        return hashlib.sha256("".join(shard.digest for shard in self.shards).encode()).hexdigest()[:16]


def open_sources(data: DataConfig) -> dict[str, Source]:
    """Index the shards of every source; raises UserError for one without a readable sample."""
    return {name: open_one(name, config.shards, config.weight) for name, config in data.sources.items()}


def open_one(name: str, shards: str, weight: float = 1.0) -> Source:
    """Index one source, with a warning if two of its samples share a key.

    Raises UserError when it has no readable sample.
    """
    paths = open_source(shards)
    opened, hashes = zip(*_open_shards(name, paths), strict=True)
    source = Source(name, weight, opened)
    if source.samples == 0:
        damage = "; ".join(f"{shard.path.name}: {shard.damage}" for shard in source.shards if shard.damage)
        raise UserError(
            f"Source {name!r} ({shards}) holds no sample{f' ({damage})' if damage else ''}",
            "The stream would wait for it for ever",
            "Check the path, or build its shards again",
        )
    _warn_of_duplicates(source, np.concatenate(hashes))
    return source


def _open_shards(name: str, paths: Sequence[Path]) -> Iterator[tuple[Shard, NDArray[np.int64]]]:
    """Each shard with the hashes of its keys; those never indexed are read side by side, under a bar."""
    missing = [path for path in paths if not is_cached(path)]
    if missing:
        total = sum(path.stat().st_size for path in missing) / 1e9
        log.info("indexing %d shards of %s (%.1f GB), once", len(missing), name, total)
    with ThreadPoolExecutor(INDEX_THREADS) as pool:
        shown = bool(missing) and sys.stderr.isatty()
        opened = pool.map(_open_shard, paths)
        yield from track(opened, f"indexing {name}", len(paths), console=Console(stderr=True), disable=not shown)


def _open_shard(path: Path) -> tuple[Shard, NDArray[np.int64]]:
    index = index_shard(path)
    hashes = np.fromiter(map(hash, index.samples.key_bytes()), np.int64, len(index))
    return Shard(path, len(index), index.digest, index.damage, None if is_cached(path) else index), hashes


def _warn_of_duplicates(source: Source, hashes: NDArray[np.int64]) -> None:
    order = np.argsort(hashes, kind="stable")
    again = order[1:][np.diff(hashes[order]) == 0]
    if len(again):
        shard, key = _key_of(source, int(again.min()))
        warn_once(
            f"source {source.name!r}: {len(again)} of {source.samples} keys occur more than once, the first is {key!r} "
            f"again in {shard}; results listed by key cannot be told apart, give each sample a key of its own"
        )


def _key_of(source: Source, number: int) -> tuple[str, str]:
    shard, index = source.locate(number)
    return source.shards[shard].path.name, source.shards[shard].index().samples[index].key


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


def _shard_captions(shard: Shard) -> Iterator[str]:
    with shard.path.open("rb") as file:
        for entry in shard.index().samples:
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
