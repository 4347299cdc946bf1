"""One sample of a shard: what its members mean, by this project's contract and by three public layouts.

A sample is a group of adjacent tar members `KEY.EXTENSION` with one KEY. Read without conversion are this project's
own records, video2dataset (`mp4` + `txt` + `json`), open_clip (`jpg`/`png`/`webp` + `txt`) and CLAP (`flac` + `json`).
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vatt_harmony.media.captions import Caption

RECORD_VERSION = 1

VIDEO_EXTENSIONS = ("mp4", "mkv", "webm", "mov", "avi", "mpg", "mpeg", "m4v")
IMAGE_EXTENSIONS = ("jpg", "jpeg", "png", "webp")
AUDIO_EXTENSIONS = ("flac", "opus", "ogg", "wav", "mp3", "m4a", "aac")

_KEY_LENGTH = 80
"""Longest key written: with the longest extension a member name stays inside the 100 bytes of a ustar header."""


SampleReason = Literal["missing field", "bad record", "bad captions", "failed download", "tar damage"]


class SampleError(Exception):
    """A stored sample that cannot be used; `reason` is the ledger's key, `detail` is for people."""

    def __init__(self, reason: SampleReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample as stored: compressed bytes and captions, nothing decoded.

    Caption times are seconds from the start of the stored clip; a caption without times spans the whole clip, and
    ends at infinity where the length of the clip is not recorded.
    """

    key: str
    source: str
    video: bytes | None = None
    audio: bytes | None = None
    """A sibling sound file. Where it is None the sound, if any, is inside `video`."""
    image: bytes | None = None
    captions: list[Caption] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The sample's key in ledgers, logs and replays: `source/KEY`."""
        return f"{self.source}/{self.key}"


def split_member(name: str) -> tuple[str, str] | None:
    """Split a member name into (key, lower-case extension) at the first dot of its last part.

    None for names that belong to no sample: hidden files, webdataset's `__meta__` members, names without a dot.
    """
    folder, _, base = name.removeprefix("./").rpartition("/")
    stem, dot, extension = base.partition(".")
    if not stem or not dot or not extension or (stem.startswith("__") and stem.endswith("__")):
        return None
    return (f"{folder}/{stem}" if folder else stem), extension.lower()


def safe_key(text: str) -> str:
    """A member-name-safe key for any text: ASCII letters, digits, `_` and `-`, no dots, at most 80 characters.

    Texts that had to be shortened or changed end in a hash of what they were, so that they stay apart.
    """
    key = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")
    if key and key == text and len(key) <= _KEY_LENGTH:
        return key
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{key[: _KEY_LENGTH - 13]}_{digest}".lstrip("_")


def make_record(
    *,
    source: str,
    video_id: str,
    start: float,
    end: float,
    captions: list[Caption],
    label: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The `KEY.json` of a clip. `start` and `end` are its place in the original (s), captions count from `start`."""
    record: dict[str, Any] = {
        "version": RECORD_VERSION,
        "source": source,
        "video_id": video_id,
        "start": start,
        "end": end,
        "captions": [{"text": c.text, "start": c.start, "end": c.end} for c in captions],
    }
    if label is not None:
        record["label"] = label
    return record | dict(facts or {})


def to_sample(key: str, members: Mapping[str, bytes], source: str) -> Sample:
    """Assemble one sample from its members (`extension -> bytes`), whichever layout wrote them.

    `source` names the source where no record of this project's does.
    Raises SampleError when the record is not valid JSON, is of an unknown version, says that its download failed,
    or when no member holds media.
    """
    record = _read_record(members.get("json"))
    video, audio, image = (
        next((members[e] for e in extensions if e in members), None)
        for extensions in (VIDEO_EXTENSIONS, AUDIO_EXTENSIONS, IMAGE_EXTENSIONS)
    )
    if video is None and audio is None and image is None:
        raise SampleError("missing field", f"{key} has {', '.join(sorted(members))}, none of them media")
    captions = _read_captions(record, members.get("txt"))
    if "version" in record and record.get("source"):
        source = str(record["source"])
    return Sample(key=key, source=source, video=video, audio=audio, image=image, captions=captions, record=record)


def _read_record(data: bytes | None) -> dict[str, Any]:
    if data is None:
        return {}
    try:
        record = json.loads(data)
    except ValueError as error:
        raise SampleError("bad record", f"json: {error}") from error
    if not isinstance(record, dict):
        raise SampleError("bad record", f"json holds a {type(record).__name__}, not an object")
    if "captions" in record and record.get("version", RECORD_VERSION) != RECORD_VERSION:
        raise SampleError("bad record", f"record version {record['version']}, known is {RECORD_VERSION}")
    if record.get("status", "success") != "success":  # video2dataset keeps failures in the metadata
        raise SampleError("failed download", f"{record['status']}: {record.get('error_message')}")
    return record


def _read_captions(record: Mapping[str, Any], txt: bytes | None) -> list[Caption]:
    """Captions from the first that is there: `captions`, CLAP's `text`, the `txt` member, `caption`."""
    length = _length(record)
    if isinstance(record.get("captions"), list):
        return [_timed(entry, length) for entry in record["captions"]]
    texts = record.get("text")
    if not texts and txt is not None:
        texts = txt.decode("utf-8", "replace")
    texts = texts or record.get("caption") or []
    strings = [texts] if isinstance(texts, str) else texts
    if not isinstance(strings, list):
        raise SampleError("bad record", f"text is a {type(texts).__name__}, not a string or a list")
    return [Caption(text=str(text).strip(), start=0.0, end=length) for text in strings if str(text).strip()]


def _timed(entry: Any, length: float) -> Caption:
    try:
        if isinstance(entry, str):
            return Caption(text=entry, start=0.0, end=length)
        times = float(entry.get("start", 0.0)), float(entry.get("end", length))
        return Caption(text=str(entry["text"]), start=times[0], end=times[1])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SampleError("bad record", f"caption {entry!r}") from error


def _length(record: Mapping[str, Any]) -> float:
    if "version" in record and "start" in record and "end" in record:
        return float(record["end"]) - float(record["start"])
    return math.inf
