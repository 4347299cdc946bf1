"""From sample keys back to the samples in their shards."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.shards.index import ShardIndex, index_shard, open_source
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample, SampleError
from vatt_harmony.stream.config import DataConfig


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where a sample lies, and what is said about it."""

    index: ShardIndex
    number: int
    """Of the sample in its shard."""
    captions: list[str]


def shards_of(data: DataConfig, given: Sequence[str]) -> list[tuple[str, Path]]:
    """(source, shard) of the sources of a run, or of the shards `given` in their place, whose source is then "".

    Raises UserError when they are not there.
    """
    if given:
        return [("", path) for spec in given for path in open_source(spec)]
    try:
        return [(name, path) for name, source in data.sources.items() for path in open_source(source.shards)]
    except UserError as error:
        raise UserError(
            f"The run's own shards cannot be opened: {error.what}",
            "The page would be without captions and clips",
            "Call it from the folder in which the run was started, or name the shards: conflicts report RUN SHARDS…",
        ) from error


def locate(keys: Sequence[str], shards: Sequence[tuple[str, Path]], reader: ShardReader) -> dict[int, Located]:
    """Row of `keys` (`source/KEY`) -> its sample, for those that are in the shards.

    Only indexes, and the words of samples that fit, are read. Raises UserError when not a single key is found.
    """
    rows_by_tail: dict[bytes, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        for tail in _tails(key):
            rows_by_tail[tail.encode("utf-8", "surrogateescape")].append(row)
    located: dict[int, Located] = {}
    for source, path in shards:
        index = index_shard(path)
        for number, stored in enumerate(index.samples.key_bytes()):
            if not (rows := rows_by_tail.get(stored)):
                continue
            try:
                sample = reader.read_words(index, number)
            except SampleError:  # `shards verify` is the verb that counts them
                continue
            for row in _matching(sample, source, rows, keys):
                captions = [caption.text for caption in sample.captions]
                located.setdefault(row, Located(index=index, number=number, captions=captions))
    if keys and not located:
        raise UserError(
            f"None of the {len(keys)} clips of the ledger is in these shards (the first is {keys[0]})",
            "The page would be without captions and clips",
            "Name the shards that the run was trained on: conflicts report RUN SHARDS…",
        )
    return located


def _tails(key: str) -> Iterator[str]:
    """What may be the tar's part of a sample key: sources and tar keys may both hold slashes."""
    parts = key.split("/")
    return ("/".join(parts[start:]) for start in range(1, len(parts)))


def _matching(sample: Sample, source: str, rows: Sequence[int], keys: Sequence[str]) -> Iterator[int]:
    # As the stream names samples: by the record's own source, else by the configuration's.
    own = sample.source if "version" in sample.record else source
    for row in rows:
        if keys[row] == f"{own}/{sample.key}" or (not own and len(rows) == 1):
            yield row
