"""The index of a shard: every sample's members with their offsets, so that samples are read alone and in any order."""

import glob
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vatt_harmony.errors import UserError
from vatt_harmony.shards.entries import SampleEntry, SampleTable
from vatt_harmony.shards.sample import split_member
from vatt_harmony.shards.tarscan import Member, Scan, scan_tar

INDEX_VERSION = 1


@dataclass(frozen=True)
class ShardIndex:
    """All samples of one shard, and what the shard was when it was indexed."""

    path: Path
    size: int
    mtime_ns: int
    digest: str
    """SHA-256 of the whole tar."""
    samples: SampleTable
    damage: str
    """Why only a part of the tar is readable, "" when all of it is: the reason "tar damage" of ledgers."""

    def __len__(self) -> int:
        return len(self.samples)


def open_source(spec: str) -> list[Path]:
    """The shards of a source, sorted: a folder of tars, one tar, a glob, or a brace pattern (`x-{000..012}.tar`).

    Raises UserError when there are none, when some of those named are missing, or for remote and piped sources.
    """
    if "://" in spec or spec.startswith("pipe:"):
        raise UserError(
            f"The shards {spec} are not local files",
            "Samples are read by offset, in an order that a remote stream cannot follow",
            "Copy or mount them, then give the folder",
        )
    if Path(spec).is_dir():
        return _shards_in(Path(spec))
    if Path(spec).is_file():  # before any pattern: brackets may be part of a name
        return [Path(spec)]
    if Path(spec).suffix != ".tar" and not glob.has_magic(spec) and "{" not in spec:
        raise UserError(
            f"The folder of shards {spec} does not exist",
            "The source would be without its samples",
            "Correct the path, or build the shards first: vatt-harmony shards build",
        )
    from webdataset.shardlists import expand_urls  # here, as it imports torch, which most verbs can do without for long

    found: list[Path] = []
    missing: list[str] = []
    for name in expand_urls(spec):
        # Path.glob takes no absolute pattern.
        hits = glob.glob(name) if glob.has_magic(name) else [name] * Path(name).is_file()  # noqa: PTH207
        found.extend(Path(hit) for hit in hits)
        if not hits:
            missing.append(name)
    if missing:
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise UserError(
            f"{len(missing)} shards do not exist: {shown}",
            "The source would be without their samples",
            "Correct the path or pattern of the source",
        )
    return sorted(set(found))


def _shards_in(folder: Path) -> list[Path]:
    shards = sorted(folder.glob("*.tar"))
    if not shards:
        below = sorted({str(tar.parent) for tar in folder.glob("*/*.tar")})
        raise UserError(
            f"The folder {folder} holds no .tar files",
            "The source would be empty",
            f"Give one of {', '.join(below)}" if below else "Build shards first: vatt-harmony shards build",
        )
    return shards


def index_shard(path: Path) -> ShardIndex:
    """The index of a shard, from its cache or by one sequential pass.

    The cache is `NAME.tar.index.json` beside the shard, or in `$XDG_CACHE_HOME/vatt_harmony/index` where that folder
    cannot be written. Any process may call this at any time: caches are replaced in one step.

    Raises UserError for a compressed tar, and for one that changed since it was indexed (size or, if only the time
    stamp differs, digest).
    """
    if not path.is_file():
        raise UserError(f"The shard {path} does not exist", "It cannot be indexed", "Check the source's path")
    status = path.stat()
    for cache in _cache_paths(path):
        index = _load(cache, path)
        if index is None:
            continue
        if (index.size, index.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return index
        fresh = build_index(path)
        if fresh.digest != index.digest:
            raise changed(path, index, fresh.size, cache)
        _store(fresh)
        return fresh
    index = build_index(path)
    _store(index)
    return index


def build_index(path: Path) -> ShardIndex:
    """Index a shard by one pass, without any cache."""
    mtime_ns = path.stat().st_mtime_ns
    scan = scan_tar(path)
    return ShardIndex(path, scan.size, mtime_ns, scan.digest, _group(scan), scan.damage)


def cached_index(path: Path) -> ShardIndex | None:
    """The index in the cache, however old, or None."""
    return next(filter(None, (_load(cache, path) for cache in _cache_paths(path))), None)


def is_cached(path: Path) -> bool:
    """Whether there is a cache of a shard's index, fresh or not."""
    return any(cache.is_file() for cache in _cache_paths(path))


def drop_index(path: Path) -> None:
    """Forget what is cached about a shard: for whoever rewrites it."""
    for cache in _cache_paths(path):
        cache.unlink(missing_ok=True)


def changed(path: Path, index: ShardIndex, size: int, cache: Path | None = None) -> UserError:
    """The error for a shard that is not what it was when it was indexed."""
    return UserError(
        f"The shard {path} changed since it was indexed ({index.size} bytes then, {size} now)",
        "Samples would be read from wrong places, and no run that used it could be resumed exactly",
        f"Restore it, or delete {cache or _cache_paths(path)[0]} if the change is meant",
    )


def _group(scan: Scan) -> SampleTable:
    """Group adjacent members of one key; a repeated extension begins a new sample.

    In a damaged tar the last group may lack members that follow the damage, unless it was followed by another.
    """
    groups: list[tuple[str, list[Member], set[str]]] = []
    for member in scan.members:
        parts = split_member(member.name)
        if parts is None:
            continue
        key, extension = parts
        if not groups or groups[-1][0] != key or extension in groups[-1][2]:
            groups.append((key, [], set()))
        groups[-1][1].append(member)
        groups[-1][2].add(extension)
    if scan.damage and groups:
        groups.pop()
    return SampleTable(SampleEntry(key, tuple(members)) for key, members, _ in groups)


def _cache_paths(path: Path) -> tuple[Path, Path]:
    absolute = path.absolute()
    name = hashlib.sha256(os.fsencode(absolute)).hexdigest()[:32]
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return absolute.with_name(absolute.name + ".index.json"), root / "vatt_harmony" / "index" / f"{name}.json"


def _store(index: ShardIndex) -> None:
    text = json.dumps(_to_json(index), separators=(",", ":"))
    for cache in _cache_paths(index.path):
        temporary = cache.with_name(f"{cache.name}.{os.getpid()}.tmp")
        try:
            cache.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text)
            temporary.replace(cache)
            return
        except OSError:  # a read-only folder: the next place, or no cache at all
            continue


def _load(cache: Path, path: Path) -> ShardIndex | None:
    try:
        data = json.loads(cache.read_text())
        if data["version"] != INDEX_VERSION:
            return None
        samples = SampleTable(
            SampleEntry(key, tuple(Member(*member) for member in members)) for key, members in data["samples"]
        )
        return ShardIndex(path, data["size"], data["mtime_ns"], data["digest"], samples, data["damage"])
    except (OSError, ValueError, KeyError, TypeError):  # absent or unreadable: made anew
        return None


def _to_json(index: ShardIndex) -> dict[str, Any]:
    return {
        "version": INDEX_VERSION,
        "shard": index.path.name,
        "size": index.size,
        "mtime_ns": index.mtime_ns,
        "digest": index.digest,
        "damage": index.damage,
        "samples": [[e.key, [[m.name, m.offset, m.size] for m in e.members]] for e in index.samples],
    }
