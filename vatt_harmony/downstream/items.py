"""What `embed` reads: media files and the samples of shards, in parts, each item cut into windows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.downstream.windows import Cut, cut_windows
from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.media.sound import is_silent
from vatt_harmony.model.processor import VattProcessor
from vatt_harmony.shards.index import index_shard
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import (
    AUDIO_EXTENSIONS,
    IMAGE_EXTENSIONS,
    VIDEO_EXTENSIONS,
    Sample,
    SampleError,
)

MEDIA = frozenset(VIDEO_EXTENSIONS + AUDIO_EXTENSIONS + IMAGE_EXTENSIONS)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """The decoded windows of one item; an empty list is a missing modality."""

    key: str
    video: list[NDArray[np.uint8]] = field(default_factory=list)
    """Each [T, H, W, 3]."""
    audio: list[NDArray[np.float32]] = field(default_factory=list)
    """Each [S]."""
    sentences: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Failures:
    """What gave no embedding: how often for each reason, and where first."""

    counts: Counter[str] = field(default_factory=Counter)
    """Reason -> items (or silent windows)."""
    first: dict[str, str] = field(default_factory=dict)
    """Reason -> the first file, or `SHARD: KEY`."""

    def add(self, reason: str, where: str) -> None:
        """One more failure."""
        self.counts[reason] += 1
        self.first.setdefault(reason, where)


def plan_parts(paths: Sequence[Path], size: int) -> list[list[Path]]:
    """Each shard alone, loose media files in groups of `size`, folders searched for both; all in a fixed order.

    Raises UserError for a path that does not exist and when there is nothing to read.
    """
    shards: list[Path] = []
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist", "Nothing was embedded", "Give media files, shards or folders")
        found = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        shards += [p for p in found if p.suffix == ".tar"]
        # A file that was named is read whatever it is called; in a folder, only what looks like media is.
        files += [p for p in found if p.suffix != ".tar" and (p == path or p.suffix[1:].lower() in MEDIA)]
    groups = [files[start : start + size] for start in range(0, len(files), size)]
    if not shards and not files:
        raise UserError(
            f"{', '.join(map(str, paths))} holds no media file and no shard",
            "Nothing was embedded",
            f"Give files such as {', '.join(sorted(MEDIA)[:6])}, …, or tars",
        )
    return [[shard] for shard in shards] + groups


def read_part(part: Sequence[Path], processor: VattProcessor, windows: int, failures: Failures) -> Iterator[Clip]:
    """The clips of one part, up to `windows` evenly spaced windows each; what cannot be read is counted by reason."""
    for key, where, media in _items(part, failures):
        try:
            clip, silent = _cut(key, media, processor, windows)
        except MediaError as error:
            failures.add(error.reason, where)
            continue
        for _ in range(silent):
            failures.add("silent audio (window)", where)
        yield clip


def _items(part: Sequence[Path], failures: Failures) -> Iterator[tuple[str, str, Path | Sample]]:
    """(key, where it lies, media) of each item."""
    for path in part:
        if path.suffix != ".tar":
            yield str(path), str(path), path
            continue
        index, reader = index_shard(path), ShardReader()
        if index.damage:
            failures.add("tar damage", str(path))
        for i in range(len(index)):
            where = f"{path}: {index.samples[i].key}"
            try:
                sample = reader.read(index, i)
            except (SampleError, MediaError) as error:
                failures.add(error.reason, where)
                continue
            yield sample.name, where, sample
        reader.close()


def _cut(key: str, media: Path | Sample, processor: VattProcessor, windows: int) -> tuple[Clip, int]:
    """The clip of an item, and how many of its windows are silent."""
    source, sound, sentences = _sources(media)
    clip, silent = Clip(key=key, sentences=sentences), 0
    with open_media(source, sound) as reader:
        for cut in cut_windows(reader, Cut.of(processor), windows):
            if cut.video is not None:
                clip.video.append(cut.video)
            if cut.audio is not None and not is_silent(cut.audio):
                clip.audio.append(cut.audio)
            elif cut.audio is not None:
                silent += 1
    return clip, silent


def _sources(media: Path | Sample) -> tuple[Path | bytes, bytes | None, list[str]]:
    """(picture or only stream, separate sound, sentences)."""
    if isinstance(media, Path):
        return media, None, []
    picture = media.video if media.video is not None else media.image
    sentences = [caption.text for caption in media.captions if caption.text.strip()]
    if picture is None:
        assert media.audio is not None  # `to_sample` refuses a sample without media
        return media.audio, None, sentences
    return picture, media.audio, sentences
