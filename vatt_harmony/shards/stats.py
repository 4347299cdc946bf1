"""Counting what shards hold: clips, hours, captions, missing modalities, and what was dropped when they were built."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from vatt_harmony.figures import Figure
from vatt_harmony.media.decode import probe
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.index import index_shard
from vatt_harmony.shards.ledger import read_stats
from vatt_harmony.shards.parallel import run_parallel
from vatt_harmony.shards.reader import ShardReader, series_name
from vatt_harmony.shards.sample import Sample, SampleError


@dataclass
class SourceStats:
    """Counts over the shards of one series."""

    shards: int = 0
    clips: int = 0
    bytes: int = 0
    seconds: float = 0.0
    captions: Counter[int] = field(default_factory=Counter)
    """Clips by their number of captions."""
    words: Counter[int] = field(default_factory=Counter)
    """Captions by their number of words."""
    missing: Counter[str] = field(default_factory=Counter)
    """Clips without "video", "audio" or "text"."""
    drops: Counter[str] = field(default_factory=Counter)
    """Clips left out when the shards were built, and stored samples that cannot be read, by reason."""

    def merge(self, other: "SourceStats") -> None:
        """Add the counts of another shard."""
        self.shards += other.shards
        self.clips += other.clips
        self.bytes += other.bytes
        self.seconds += other.seconds
        for name in ("captions", "words", "missing", "drops"):
            getattr(self, name).update(getattr(other, name))


def count(shards: Sequence[Path], workers: int = 0) -> dict[str, SourceStats]:
    """Counts by series (folder and source, as in `train/films`), read from records where they say enough."""
    found: dict[str, SourceStats] = defaultdict(SourceStats)
    for path, stats in run_parallel(count_shard, shards, workers):
        found[f"{path.absolute().parent.name}/{series_name(path)}"].merge(stats)
    return dict(sorted(found.items()))


def count_shard(path: Path) -> SourceStats:
    """Counts of one shard."""
    index, reader, account = index_shard(path), ShardReader(), read_stats(path)
    stats = SourceStats(shards=1, bytes=index.size)
    if account is not None:
        stats.drops.update(account.drops)
    if index.damage:
        stats.drops["tar damage"] += 1
    for i in range(len(index)):
        try:
            _count_sample(stats, reader.read(index, i))
        except (SampleError, MediaError) as error:
            stats.drops[error.reason] += 1
    reader.close()
    return stats


def _count_sample(stats: SourceStats, sample: Sample) -> None:
    seconds, has_audio = _facts(sample)
    stats.clips += 1
    stats.seconds += seconds
    stats.captions[len(sample.captions)] += 1
    stats.words.update(len(caption.text.split()) for caption in sample.captions)
    stats.missing["video"] += sample.video is None and sample.image is None
    stats.missing["audio"] += not has_audio
    stats.missing["text"] += not sample.captions


def _facts(sample: Sample) -> tuple[float, bool]:
    """Seconds and whether there is sound: from this project's record, else from the container."""
    record = sample.record
    if "version" in record and "has_audio" in record:
        return float(record["end"]) - float(record["start"]), bool(record["has_audio"])
    data = sample.video or sample.image or sample.audio
    assert data is not None, sample.name  # a sample without media is not made
    info = probe(data, sample.audio if data is not sample.audio else None)
    return (info.duration if math.isfinite(info.duration) else 0.0), info.has_audio


def figures(sources: dict[str, SourceStats]) -> list[Figure]:
    """The counts as published figures, one group for each series."""
    rows: list[Figure] = []
    for name, stats in sources.items():
        values: dict[str, tuple[float, str]] = {
            "shards": (stats.shards, ""),
            "clips": (stats.clips, ""),
            "bytes": (stats.bytes, "B"),
            "hours": (stats.seconds / 3600, "h"),
            "captions a clip": (_mean(stats.captions), ""),
            "words a caption": (_mean(stats.words), ""),
            **{f"without {modality}": (stats.missing[modality], "clips") for modality in ("video", "audio", "text")},
            **{f"dropped: {reason}": (n, "clips") for reason, n in sorted(stats.drops.items())},
        }
        rows += [
            Figure(id=f"shards.{name}.{key}", name=f"{name} {key}", value=value, unit=unit)
            for key, (value, unit) in values.items()
        ]
    return rows


def print_counts(sources: dict[str, SourceStats], console: Console) -> None:
    """Print a few short lines for each series, legible in 80 columns."""
    for name, s in sources.items():
        console.print(name, style="bold", markup=False, highlight=False, soft_wrap=True)
        lines = [
            f"{s.clips} clips, {s.seconds / 3600:.3f} h, {s.bytes / 1e6:.1f} MB in {s.shards} shards",
            f"{_mean(s.captions):.2f} captions a clip, {_mean(s.words):.1f} words a caption",
            "clips without video {video}, audio {audio}, text {text}".format(
                **{modality: s.missing[modality] for modality in ("video", "audio", "text")}
            ),
            *(f"dropped: {reason} × {n}" for reason, n in s.drops.most_common()),
        ]
        for line in lines:
            console.print(f"  {line}", markup=False, highlight=False)


def _mean(counts: Counter[int]) -> float:
    return statistics.fmean(counts.keys(), weights=counts.values()) if counts else 0.0
