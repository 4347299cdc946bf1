"""Verifying shards: every sample read, decoded from end to end, and held against what it declares."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.index import ShardIndex, build_index, cached_index
from vatt_harmony.shards.ledger import read_stats
from vatt_harmony.shards.parallel import progress_bar, run_parallel
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample, SampleError
from vatt_harmony.shards.timing import Measured, measure

DESYNC_SECONDS = 0.04
END_TOLERANCE = 0.1
"""Seconds by which a stream may end early or a caption late: sound packets are padded."""
PADDING_SAMPLES = 2048
"""Samples lossy sound may gain by priming and by its last, filled packet."""


@dataclass
class Verdict:
    """What was found in some shards: samples read, problems by reason, and the first of each reason."""

    samples: int = 0
    failures: int = 0
    """Samples with at least one problem, and problems of whole shards."""
    problems: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    """`source/KEY` of every sample, for duplicates."""

    def add(self, reason: str, what: str) -> None:
        """Count a problem."""
        self.problems[reason] += 1
        self.first.setdefault(reason, what)

    def merge(self, other: "Verdict") -> None:
        """Add the findings of another shard."""
        self.samples += other.samples
        self.failures += other.failures
        self.problems.update(other.problems)
        self.first = other.first | self.first
        self.names += other.names


def verify(shards: Sequence[Path], workers: int = 0, console: Console | None = None) -> Verdict:
    """Check shards and all their samples; nothing is raised for a bad sample, everything is counted by its reason.

    Reasons: those of reading and decoding, "changed shard", "tar damage", "caption times", "desync" (declared and
    decoded timing differ by more than 40 ms), "duplicate key" (one `source/KEY` twice).
    """
    verdict = Verdict()
    with progress_bar(console or Console(stderr=True)) as progress:
        bar = progress.add_task("verifying shards", total=None)
        for _, found in run_parallel(verify_shard, shards, workers):
            verdict.merge(found)
            progress.advance(bar, found.samples)
        progress.update(bar, total=verdict.samples)
    for name, count in Counter(verdict.names).items():
        if count > 1:
            verdict.add("duplicate key", f"{name} × {count}")
            verdict.failures += count - 1
    return verdict


def verify_shard(path: Path) -> Verdict:
    """Check one shard."""
    verdict, index = Verdict(), build_index(path)
    for reason, detail in _shard_problems(index):
        verdict.failures += 1
        verdict.add(reason, f"{path}: {detail}")
    reader = ShardReader()
    for i, entry in enumerate(index.samples):
        verdict.samples += 1
        problems = list(_read_problems(reader, index, i, verdict.names))
        verdict.failures += bool(problems)
        for reason, detail in problems:
            verdict.add(reason, f"{path}, {entry.key} at byte {entry.members[0].offset}: {detail}")
    reader.close()
    return verdict


def _shard_problems(index: ShardIndex) -> Iterator[tuple[str, str]]:
    cached, stats = cached_index(index.path), read_stats(index.path)
    if cached is not None and cached.digest != index.digest:
        yield "changed shard", "its bytes are not those that were indexed"
    if stats is not None and stats.sha256 != index.digest:
        yield "changed shard", "its bytes are not those that were built"
    if index.damage:
        yield "tar damage", index.damage


def _read_problems(reader: ShardReader, index: ShardIndex, i: int, names: list[str]) -> Iterator[tuple[str, str]]:
    try:
        sample = reader.read(index, i)
        names.append(sample.name)
        yield from sample_problems(sample)
    except (SampleError, MediaError) as error:
        yield error.reason, error.detail


def sample_problems(sample: Sample) -> Iterator[tuple[str, str]]:
    """Yield (reason, detail) for what is wrong with a sample; raises MediaError when it does not open."""
    parts = [measure(data) for data in (sample.video, sample.audio, sample.image) if data is not None]
    for part in parts:
        for stream, seconds in part.shortfalls().items():
            if seconds > END_TOLERANCE:
                what = "does not decode" if math.isinf(seconds) else f"ends {seconds:.2f} s before it says"
                yield "decode error", f"the {stream} {what}"
        if not part.frames and not part.samples:
            yield "decode error", "nothing decodes"
    length = max(part.seconds for part in parts)
    for caption in sample.captions:
        late = math.isfinite(caption.end) and caption.end > length + END_TOLERANCE
        if not 0 <= caption.start <= caption.end or late:
            yield "caption times", f"{caption.start:g} to {caption.end:g} s in a clip of {length:.2f} s"
    picture, sound = _streams(sample, parts)
    for detail in _desync(sample.record, picture, sound):
        yield "desync", detail


def _streams(sample: Sample, parts: list[Measured]) -> tuple[Measured | None, Measured | None]:
    """The measured picture and sound; a sibling sound file wins over sound beside the picture."""
    picture = parts[0] if sample.video is not None and parts[0].frames else None
    sound = parts[int(sample.video is not None)] if sample.audio is not None else parts[0]
    return picture, sound if sound.samples else None


def _desync(record: dict[str, object], picture: Measured | None, sound: Measured | None) -> Iterator[str]:
    def declared(name: str) -> float:
        value = record.get(name)
        return float(value) if isinstance(value, int | float) else math.nan

    # Comparisons with NaN, where nothing is declared, are false.
    if picture is not None:
        seconds = declared("frames") / (declared("fps") or math.nan)
        real = picture.frames / picture.info.fps if picture.info.fps else math.nan
        if abs(seconds - real) > DESYNC_SECONDS:
            yield f"declared {seconds:.3f} s of pictures, {real:.3f} s decoded"
        length = declared("end") - declared("start") if "version" in record else math.nan
        if sound is None and abs(length - picture.video_end) > DESYNC_SECONDS:
            yield f"declared {length:.3f} s in the original, {picture.video_end:.3f} s stored"
    if sound is not None:
        seconds = declared("samples") / (declared("sample_rate") or math.nan)
        real, drift = sound.samples / sound.sample_rate, declared("samples") / sound.sample_rate - seconds
        if abs(drift) > DESYNC_SECONDS or abs(seconds - real) > DESYNC_SECONDS + PADDING_SAMPLES / sound.sample_rate:
            yield f"declared {seconds:.3f} s of sound, {real:.3f} s decoded at {sound.sample_rate} Hz"
    if picture is not None and sound is not None:
        offset = declared("audio_start") - declared("video_start")
        real = sound.audio_start - picture.video_start
        if abs(offset - real) > DESYNC_SECONDS:
            yield f"sound begins {real:.3f} s after the picture, declared {offset:.3f} s"
