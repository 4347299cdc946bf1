"""The samples of a shard, held in a few arrays: tens of bytes each, where objects would take a kilobyte."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from vatt_harmony.shards.tarscan import Member


@dataclass(frozen=True)
class SampleEntry:
    """One sample of a shard: its key and its members, in tar order."""

    key: str
    members: tuple[Member, ...]


class SampleTable(Sequence[SampleEntry]):
    """A sequence of sample entries that are made when they are asked for.

    Keys are joined bytes with their ends; of a member's name only what surrounds the key is kept, as a number.
    """

    def __init__(self, entries: Iterable[SampleEntry]) -> None:
        keys, key_ends, member_ends = bytearray(), [0], [0]
        offsets: list[int] = []
        sizes: list[int] = []
        codes: list[int] = []
        surroundings: dict[tuple[str, str], int] = {}
        for entry in entries:
            keys += entry.key.encode("utf-8", "surrogateescape")
            key_ends.append(len(keys))
            for member in entry.members:
                before, _, after = member.name.partition(entry.key)
                codes.append(surroundings.setdefault((before, after), len(surroundings)))
                offsets.append(member.offset)
                sizes.append(member.size)
            member_ends.append(len(offsets))
        self._keys, self._surroundings = bytes(keys), list(surroundings)
        self._key_ends, self._member_ends = np.array(key_ends, np.uint32), np.array(member_ends, np.uint32)
        self._offsets, self._sizes = np.array(offsets, np.int64), np.array(sizes, np.int64)
        self._codes = np.array(codes, np.uint32)

    def __len__(self) -> int:
        return len(self._key_ends) - 1

    @overload
    def __getitem__(self, i: int) -> SampleEntry: ...
    @overload
    def __getitem__(self, i: slice) -> list[SampleEntry]: ...
    def __getitem__(self, i: int | slice) -> SampleEntry | list[SampleEntry]:
        places = range(len(self))[i]
        return self._entry(places) if isinstance(places, int) else [self._entry(place) for place in places]

    def key_bytes(self) -> Iterator[bytes]:
        """The keys alone, in order, as bytes."""
        ends = self._key_ends.tolist()
        return (self._keys[start:end] for start, end in itertools.pairwise(ends))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SampleTable) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(self._keys)

    def _entry(self, i: int) -> SampleEntry:
        key = self._keys[self._key_ends[i] : self._key_ends[i + 1]].decode("utf-8", "surrogateescape")
        members = []
        for m in range(self._member_ends[i], self._member_ends[i + 1]):
            before, after = self._surroundings[self._codes[m]]
            members.append(Member(f"{before}{key}{after}", int(self._offsets[m]), int(self._sizes[m])))
        return SampleEntry(key, tuple(members))
