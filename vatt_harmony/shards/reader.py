"""Reading single samples out of shards by offset."""

import os
import re
import resource
from collections import OrderedDict
from pathlib import Path

from vatt_harmony.shards.entries import SampleEntry
from vatt_harmony.shards.index import ShardIndex
from vatt_harmony.shards.sample import Sample, SampleError, split_member, to_sample

WORDS = ("json", "txt")
"""Extensions of the members that hold no media."""


class ShardReader:
    """Reads samples by range reads, with at most `max_open` shards open. One for each process; not thread-safe.

    `max_open` 0 is a quarter of what the process may open, at most 256: the order of samples walks through as many
    shards at once.
    """

    def __init__(self, max_open: int = 0) -> None:
        self.max_open = max_open or _quarter_of_limit()
        self._open: OrderedDict[Path, int] = OrderedDict()

    def read(self, index: ShardIndex, i: int) -> Sample:
        """Read the i-th sample of a shard, still compressed.

        Its `source` is the record's, or else the shard's name without its number.
        Raises SampleError: "tar damage" when bytes are missing, and what `to_sample` finds wrong.
        """
        entry = index.samples[i]
        return to_sample(entry.key, self._members(index.path, entry), series_name(index.path))

    def read_words(self, index: ShardIndex, i: int) -> Sample:
        """Read the i-th sample of a shard without its media, whose bytes are empty; raises as `read` does."""
        entry = index.samples[i]
        return to_sample(entry.key, self._members(index.path, entry, media=False), series_name(index.path))

    def close(self) -> None:
        """Close all shards; reading again opens them again."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _members(self, path: Path, entry: SampleEntry, media: bool = True) -> dict[str, bytes]:
        descriptor = self._descriptor(path)
        members: dict[str, bytes] = {}
        for member in entry.members:
            parts = split_member(member.name)
            assert parts is not None, member.name  # only such members are indexed
            size = member.size if media or parts[1] in WORDS else 0
            members[parts[1]] = _read_range(descriptor, member.offset, size, f"{path}: {member.name}")
        return members

    def _descriptor(self, path: Path) -> int:
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._open[path] = descriptor
        if len(self._open) > self.max_open:
            os.close(self._open.popitem(last=False)[1])
        return descriptor


def _quarter_of_limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 256 if soft == resource.RLIM_INFINITY else max(min(256, soft // 4), 1)


def series_name(path: Path) -> str:
    """The name of the series a shard belongs to: its stem without the trailing number."""
    return re.sub(r"[-_]?\d+$", "", path.stem) or path.stem


def _read_range(descriptor: int, offset: int, size: int, what: str) -> bytes:
    """`os.pread` until all is there: one call may return less on network file systems, and above 2 GiB always."""
    parts = []
    while size > 0:
        part = os.pread(descriptor, size, offset)
        if not part:
            raise SampleError("tar damage", f"{what} ends {size} bytes early")
        parts.append(part)
        offset += len(part)
        size -= len(part)
    return b"".join(parts)
