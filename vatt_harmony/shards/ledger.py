"""What became of each clip of a shard: `SHARD.stats.json`, `sizes.json`, and their sums."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

STATS_VERSION = 1

Remark = Literal["no caption", "caption outside the clip", "long clip"]


@dataclass
class ShardStats:
    """The account of one written shard."""

    version: int = STATS_VERSION
    tool: str = ""
    """Package and version that wrote the shard."""
    digest: str = ""
    """Of the rows, settings and media files the shard was made from."""
    samples: int = 0
    seconds: float = 0.0
    """Length of all stored clips together."""
    bytes: int = 0
    """Size of the tar; 0 when no clip was left and none was written."""
    sha256: str = ""
    """Of the tar."""
    drops: dict[str, int] = field(default_factory=dict)
    """Clips that could not be stored, by reason."""
    remarks: dict[Remark, int] = field(default_factory=dict)
    """Stored clips without caption, captions that no stored clip holds, and clips longer than is good, by kind."""
    first: dict[str, str] = field(default_factory=dict)
    """The first clip for each reason and remark: key, file and detail."""

    def drop(self, reason: str, what: str) -> None:
        """Count one clip that could not be stored."""
        self.drops[reason] = self.drops.get(reason, 0) + 1
        self.first.setdefault(reason, what)

    def note(self, remarks: Mapping[Remark, int], what: str) -> None:
        """Count what is to be told about one stored clip."""
        for remark, count in remarks.items():
            self.remarks[remark] = self.remarks.get(remark, 0) + count
            self.first.setdefault(remark, what)


def stats_path(shard: Path) -> Path:
    """`OUT/SPLIT/SOURCE-000000.stats.json` of a shard."""
    return shard.with_suffix(".stats.json")


def read_stats(shard: Path) -> ShardStats | None:
    """The account beside a shard, or None if there is none of this version (foreign or unfinished shards)."""
    try:
        values = json.loads(stats_path(shard).read_text())
        return ShardStats(**values) if values["version"] == STATS_VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_stats(shard: Path, stats: ShardStats) -> None:
    """Write the account in one step: its presence says that the shard is finished."""
    write_text(stats_path(shard), json.dumps(asdict(stats), indent=1) + "\n")


def write_sizes(folder: Path) -> None:
    """Write `sizes.json`, the number of samples by shard, of all accounted shards in a folder."""
    sizes = {}
    for shard in sorted(folder.glob("*.tar")):
        stats = read_stats(shard)
        if stats:
            sizes[shard.name] = stats.samples
    write_text(folder / "sizes.json", json.dumps(sizes, indent=1) + "\n")


def total(accounts: Iterable[ShardStats]) -> ShardStats:
    """The sum of several accounts (without digests)."""
    result, drops, remarks = ShardStats(), Counter[str](), Counter[Remark]()
    for stats in accounts:
        result.samples += stats.samples
        result.seconds += stats.seconds
        result.bytes += stats.bytes
        drops.update(stats.drops)
        remarks.update(stats.remarks)
        result.first = stats.first | result.first
    result.drops, result.remarks = dict(drops.most_common()), dict(remarks.most_common())
    return result


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step, so that no reader ever sees a half."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    temporary.replace(path)
