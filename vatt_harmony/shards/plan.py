"""Which row goes into which shard under which key: decided before anything is encoded, by the manifest alone."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from vatt_harmony.randomness import keyed_generator
from vatt_harmony.shards.manifest import ManifestRow
from vatt_harmony.shards.sample import RECORD_VERSION, safe_key

Reencode = Literal["auto", "always", "never"]


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """What, beside the manifest, decides the bytes of the shards."""

    samples_per_shard: int = 0
    """Clips a shard; 0: a 32nd of the series, within [16, 1024], so that small corpora build in parallel too."""
    reencode: Reencode = "auto"
    """Re-encode every clip, none (whole files are stored as they are), or ("auto") those that are cut or not small."""
    short_side: int = 256
    """Height or width of re-encoded pictures, whichever is smaller, in pixels."""
    fps: float = 10.0
    """Frame rate of re-encoded pictures, in Hz."""
    seed: int = 0
    """Seed of the order of clips in a series, and of which videos are held out."""
    clip_seconds: float = 0.0
    """Files longer than this that have no `start` and `end` are cut into clips of this length, in seconds; 0: none."""
    hold_out: float = 0.0
    """Share of the videos that get the split "test", for manifests without a column `split`; within [0, 1)."""

    def __post_init__(self) -> None:
        if self.samples_per_shard < 0:
            raise ValueError(f"samples_per_shard is {self.samples_per_shard}, outside [0, ∞)")
        if self.reencode not in ("auto", "always", "never"):
            raise ValueError(f"reencode is {self.reencode!r}, not one of auto, always, never")
        if self.short_side < 16:
            raise ValueError(f"short_side is {self.short_side}, outside [16, ∞)")
        if not 0 < self.fps <= 240:
            raise ValueError(f"fps is {self.fps}, outside (0, 240]")
        if self.clip_seconds and not self.clip_seconds >= 1:
            raise ValueError(f"clip_seconds is {self.clip_seconds}, neither 0 nor within [1, ∞)")
        if not 0 <= self.hold_out < 1:
            raise ValueError(f"hold_out is {self.hold_out}, outside [0, 1)")


@dataclass(frozen=True)
class ShardPlan:
    """One shard to write: its path and its (key, row) pairs in order."""

    path: Path
    clips: tuple[tuple[str, ManifestRow], ...]

    def digest(self, settings: BuildSettings) -> str:
        """A digest of rows, settings and the media files' sizes and times: equal means nothing has to be redone."""
        state = hashlib.sha256(json.dumps([RECORD_VERSION, asdict(settings)]).encode())
        for key, row in self.clips:
            files = [path for path in (row.path, row.captions_path) if path]
            stamps = [(path.stat().st_size, path.stat().st_mtime_ns) for path in files]
            values = {k: v for k, v in asdict(row).items() if k != "number"}
            state.update(json.dumps([key, values, stamps], default=str, sort_keys=True).encode())
        return state.hexdigest()


def plan_shards(
    rows: Sequence[ManifestRow],
    out: Path,
    settings: BuildSettings,
    excluded: Collection[tuple[str, str]] = frozenset(),
) -> list[ShardPlan]:
    """Deal the rows to shards: one series `OUT/SPLIT/SOURCE-000000.tar` for each source and split.

    Inside a series the clips are sorted by key and then shuffled by the seed, so that neighbours in the manifest
    (one speaker, one film) spread over its shards and the order of the manifest's rows does not matter. The clips
    `excluded` by (source, key) are left out without a change to the keys of others; a series that they leave empty is
    planned as one shard without clips.
    """
    series: dict[tuple[str, str], list[tuple[str, ManifestRow]]] = defaultdict(list)
    for key, row in with_keys(rows):
        clips = series[safe_key(row.split), safe_key(row.source)]
        if (row.source, key) not in excluded:
            clips.append((key, row))
    plans = []
    for (split, source), clips in sorted(series.items()):
        clips.sort(key=lambda clip: clip[0])
        order = keyed_generator(settings.seed, split, source, "shards").permutation(len(clips))
        size = settings.samples_per_shard or min(max(-(-len(clips) // 32), 16), 1024)
        for number, first in enumerate(range(0, max(len(clips), 1), size)):
            chosen = tuple(clips[i] for i in order[first : first + size])
            plans.append(ShardPlan(out / split / f"{source}-{number:06d}.tar", chosen))
    return plans


def with_keys(rows: Iterable[ManifestRow]) -> list[tuple[str, ManifestRow]]:
    """Keys unique within a source over all splits: the video id, the place of a cut in milliseconds, and, for rows
    that still share one, a count."""
    used: set[tuple[str, str]] = set()
    keyed = []
    for row in sorted(rows, key=lambda r: (r.source, r.video_id, str(r.path), r.start or 0.0, r.end or 0.0)):
        cut = row.start is not None or row.end is not None
        place = f"_{_milliseconds(row.start or 0.0)}_{_milliseconds(row.end)}" if cut else ""
        base = key = safe_key(row.video_id + place)
        count = 1
        while (safe_key(row.source), key) in used:
            count += 1
            key = safe_key(f"{base}-{count}")
        used.add((safe_key(row.source), key))
        keyed.append((key, row))
    return keyed


def _milliseconds(seconds: float | None) -> str:
    return "end" if seconds is None else f"{round(seconds * 1000):08d}"
