"""One manifest row to the members of one stored sample."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vatt_harmony.errors import UserError
from vatt_harmony.media.captions import Caption, read_captions
from vatt_harmony.media.container import MediaInfo
from vatt_harmony.media.decode import probe, read_window
from vatt_harmony.media.encode import Clip, cut_clip
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.ledger import Remark
from vatt_harmony.shards.manifest import ManifestRow
from vatt_harmony.shards.pieces import MIN_SECONDS
from vatt_harmony.shards.plan import BuildSettings
from vatt_harmony.shards.sample import AUDIO_EXTENSIONS, IMAGE_EXTENSIONS, VIDEO_EXTENSIONS, SampleError, make_record
from vatt_harmony.shards.timing import Measured, measure

SMALL_BYTES = 16 << 20
SMALL_SIDE = 1.25
"""Times the prepared short side: a file up to here decodes about as fast as its re-encoded copy would."""
SMALL_FPS = 31.0
LONG_SECONDS = 60.0
"""A window is read out of the whole stored clip: from here on that costs more than the decoding."""
END_TOLERANCE = 0.1
"""Seconds a file may end before it says: sound packets are padded, but a truncated file lacks more."""


@dataclass(frozen=True)
class StoredClip:
    """The members of a sample (`extension -> bytes`), the length of the clip in seconds, and what to tell of it."""

    members: dict[str, bytes]
    seconds: float
    remarks: dict[Remark, int]


def store_clip(row: ManifestRow, settings: BuildSettings) -> StoredClip:
    """Turn a row into members: the file as it is when it is whole and small, else a cut and re-encoded clip.

    A still picture is always stored as it is, with a length of 0.

    Sound alone keeps its own file type, or becomes `m4a` when it is cut. Raises MediaError or SampleError when the
    media or captions cannot be used, also when a file ends before it says that it does.
    """
    info = probe(row.path)
    still = info.still and not info.has_audio
    if still:
        extension, data = row.path.suffix[1:].lower(), row.path.read_bytes()
        start = seconds = 0.0
        facts = _still_facts(extension, measure(data))
    elif _stays_as_it_is(row, info, settings):
        extension, data = row.path.suffix[1:].lower(), row.path.read_bytes()
        start, (seconds, facts) = 0.0, _whole(measure(data))
    else:
        start, end = max(row.start or 0.0, info.common[0]), min(row.end or math.inf, info.common[1])
        clip = cut_clip(row.path, start, end, fps=settings.fps, short_side=settings.short_side)
        _check_tail(row.path, min(start + clip.duration, end), settings.fps)
        extension, data = ("mp4" if clip.has_video else "m4a"), clip.data
        seconds, facts = clip.duration, _cut_facts(clip)
    given = _row_captions(row)
    # A picture has no time: whatever is said of it is said of all of it.
    captions = [Caption(c.text, 0.0, 0.0) for c in given] if still else place_captions(given, start, start + seconds)
    record = make_record(
        source=row.source,
        video_id=row.video_id,
        start=round(start, 6),
        end=round(start + seconds, 6),
        captions=captions,
        label=row.label,
        facts=facts,
    )
    members = {extension: data, "json": json.dumps(record, ensure_ascii=False, sort_keys=True).encode()}
    if captions:  # the main caption once more, for readers in the manner of open_clip
        members["txt"] = max(captions, key=lambda c: c.end - c.start).text.encode()
    remarks: dict[Remark, int] = {
        "no caption": int(not captions),
        "caption outside the clip": 0 if still else _outside(row, given, start, start + seconds),
        "long clip": int(seconds > LONG_SECONDS),
    }
    return StoredClip(members, seconds, {remark: count for remark, count in remarks.items() if count})


def place_captions(captions: Iterable[Caption], start: float, end: float) -> list[Caption]:
    """Captions that touch [start, end) seconds of the original, in seconds from `start`, cut to the clip."""
    return [
        Caption(
            text=caption.text,
            start=round(max(caption.start - start, 0.0), 6),
            end=round(min(caption.end, end) - start, 6),
        )
        for caption in captions
        if _inside(caption, start, end)
    ]


def _inside(caption: Caption, start: float, end: float) -> bool:
    """Whether a caption touches [start, end); one without length lies at its start."""
    return caption.start < end and (caption.end > start or caption.start >= start)


def _outside(row: ManifestRow, captions: Sequence[Caption], start: float, end: float) -> int:
    """How many of a row's captions none of its clips holds; the first of several clips tells for all.

    Not counted for a cut are those of a caption file, which speaks of the whole video.
    """
    if row.cut_from is not None:
        start, end = row.cut_from if row.start == row.cut_from[0] else (0.0, math.inf)
    elif row.start is not None or row.end is not None:
        captions = row.captions
    return sum(not _inside(caption, start, end) for caption in captions)


def _row_captions(row: ManifestRow) -> list[Caption]:
    if row.captions_path is None:
        return list(row.captions)
    try:
        return [*row.captions, *read_captions(row.captions_path)]
    except UserError as error:  # of one file among many: counted, not the end of a build of hours
        raise SampleError("bad captions", error.what) from error


def _stays_as_it_is(row: ManifestRow, info: MediaInfo, settings: BuildSettings) -> bool:
    extension = row.path.suffix[1:].lower()
    known = VIDEO_EXTENSIONS if info.has_video else AUDIO_EXTENSIONS
    if row.start is not None or row.end is not None or settings.reencode == "always" or extension not in known:
        return False
    if settings.reencode == "never":
        return True
    if row.path.stat().st_size > SMALL_BYTES:
        return False
    small = min(info.height, info.width) <= SMALL_SIDE * settings.short_side and info.fps <= SMALL_FPS
    return not info.has_video or (extension == "mp4" and small)


def _whole(measured: Measured) -> tuple[float, dict[str, Any]]:
    """Length and facts of a file that is stored as it is; raises MediaError if it is not whole."""
    for stream, seconds in measured.shortfalls().items():
        if seconds > END_TOLERANCE:
            what = "does not decode" if math.isinf(seconds) else f"ends {seconds:.2f} s before it says"
            raise MediaError("decode error", f"the {stream} {what}")
    if measured.seconds < MIN_SECONDS:
        raise MediaError("too short", f"{measured.seconds:.3f} s")
    info = measured.info
    facts: dict[str, Any] = {"has_audio": measured.samples > 0}
    if measured.frames:
        facts |= {"fps": info.fps, "frames": measured.frames, "height": info.height, "width": info.width}
        facts["video_start"] = round(measured.video_start, 6)
    if measured.samples:
        facts |= {"sample_rate": measured.sample_rate, "samples": measured.samples}
        facts["audio_start"] = round(measured.audio_start, 6)
    return measured.seconds, facts


def _still_facts(extension: str, measured: Measured) -> dict[str, Any]:
    if extension not in IMAGE_EXTENSIONS:
        raise MediaError("no video stream", f"a still picture named .{extension}, not .{', .'.join(IMAGE_EXTENSIONS)}")
    if not measured.frames:
        raise MediaError("decode error", "the picture does not decode")
    return {"has_audio": False, "height": measured.info.height, "width": measured.info.width}


def _cut_facts(clip: Clip) -> dict[str, Any]:
    facts: dict[str, Any] = {"has_audio": clip.has_audio}
    if clip.has_video:
        facts |= {"fps": clip.fps, "frames": clip.frames, "height": clip.height, "width": clip.width}
        facts["video_start"] = 0.0
    if clip.has_audio:
        facts |= {"sample_rate": clip.sample_rate, "samples": clip.samples, "silent": clip.silent}
        facts["audio_start"] = 0.0
    return facts


def _check_tail(path: Path, end: float, fps: float) -> None:
    """Raise MediaError if the last half second of a cut is not in the file: a window over it would loop what is."""
    frames = max(round(MIN_SECONDS * fps), 1)
    begin = end - frames / fps
    window = read_window(path, begin, frames, fps, 8000, size=16, min_seconds=0.0)
    if "decode error" in window.reasons.values() or window.start < begin - END_TOLERANCE:
        raise MediaError("decode error", f"the file ends before {end:.2f} s, where it says that there is more")
