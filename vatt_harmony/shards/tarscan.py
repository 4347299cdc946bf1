"""One sequential pass over a tar: where each member's bytes lie, and the digest of the whole file.

`tarfile` would have to read the file twice for both, and ends in silence where a header is damaged or the file is
truncated; here such a file yields its readable part and the reason.
"""

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vatt_harmony.errors import UserError

_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True)
class Member:
    """A regular file in a tar: its name and the place of its bytes."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Scan:
    """What one pass over a tar found."""

    members: list[Member]
    size: int
    digest: str
    """SHA-256 of the file."""
    damage: str
    """Why the pass ended early, "" if it did not."""


class _Reader:
    """Reads forward only, counting and hashing what it passes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.position, self.hash = file, 0, hashlib.sha256()

    def take(self, count: int) -> bytes:
        data = self.file.read(count)
        self.hash.update(data)
        self.position += len(data)
        return data

    def skip(self, count: int) -> bool:
        """Pass `count` bytes; False if the file ends before."""
        while count > 0:
            passed = len(self.take(min(count, _CHUNK)))
            if not passed:
                return False
            count -= passed
        return True


def scan_tar(path: Path) -> Scan:
    """List the regular members of an uncompressed tar (ustar, pax and GNU long names) and hash the file.

    Raises UserError for a compressed file, which has no offsets to read from.
    """
    with path.open("rb") as file:
        refuse_compressed(path, file.read(8))
        file.seek(0)
        reader = _Reader(file)
        members: list[Member] = []
        damage = _walk(reader, members)
        while reader.take(_CHUNK):
            pass
    return Scan(members, reader.position, reader.hash.hexdigest(), damage)


def refuse_compressed(path: Path, magic: bytes) -> None:
    """Raise UserError if a file's first bytes are those of a compressed file."""
    for start, kind in _COMPRESSED.items():
        if magic.startswith(start):
            raise UserError(
                f"{path} is compressed ({kind})",
                "Samples inside it have no offsets, so it can neither be indexed nor resumed exactly",
                "Decompress it; media inside is compressed already, so nothing is gained by compressing the tar",
            )


def _walk(reader: _Reader, members: list[Member]) -> str:
    """Append the members in their order; returns the damage that ended the walk, or ""."""
    overrides: dict[str, str] = {}
    while True:
        at = reader.position
        block = reader.take(_BLOCK)
        if len(block) < _BLOCK:
            return f"the file ends at byte {at + len(block)} without an end-of-archive mark"
        if not block.strip(b"\0"):
            return ""
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            return f"{error} at byte {at}"
        if header.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            data = reader.take(header.size)
            if not reader.skip(-header.size % _BLOCK):
                return f"the file ends inside a header at byte {at}"
            overrides |= _extended(header.type, data)
            continue
        size = int(overrides.get("size", header.size))
        member = Member(overrides.get("path", header.name), reader.position, size)
        overrides = {}
        if not reader.skip(size + -size % _BLOCK):
            return f"the file ends inside {member.name} at byte {reader.position}"
        if header.isreg():
            members.append(member)


def _extended(kind: bytes, data: bytes) -> dict[str, str]:
    """The path and size an extension header announces for the next member."""
    if kind == tarfile.GNUTYPE_LONGLINK:
        return {}
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {"path": data.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    found = {}
    while data:
        length, _, _ = data.partition(b" ")
        if not length.isdigit() or int(length) <= len(length):
            break
        record = data[len(length) + 1 : int(length) - 1]
        name, _, value = record.partition(b"=")
        found[name.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[int(length) :]
    return {name: found[name] for name in ("path", "size") if name in found}
