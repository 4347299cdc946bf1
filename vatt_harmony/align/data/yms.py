"""YouTube Movie Summaries (pelindogan/NeuMATCH): clip intervals and timed texts of 94 narrated videos, no features."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vatt_harmony.align.data.labels import majority_labels
from vatt_harmony.align.sequence import AlignmentSequence, Floats, Stream, pairs_of
from vatt_harmony.errors import UserError

Texts = Literal["phrases", "sentences"]
CLIPS = "clip_segmentation.txt"
NOTHING_SAID = "UNMATCHED"
"""Alone in place of a text: an interval of the video that nothing is said about."""
NOTHING_SHOWN = "UNMATCHED:"
"""Before a text: nothing in the video shows it. The blank after the colon is sometimes missing."""

_TIME = r"(\d+)\.(\d+)\.(\d+)\.(\d+)"
_TEXT_ROW = re.compile(rf"(\d{{4}})_{_TIME}-{_TIME}(?:\t(.*))?")
_CLIP_ROW = re.compile(rf"(\d{{4}})/\1_{_TIME}-{_TIME}")


@dataclass(frozen=True, kw_only=True)
class Narration:
    """What is said about one video."""

    texts: tuple[str, ...]
    spans: Floats
    """Of the texts, seconds `[M, 2]`; NaN for a text that nothing in the video shows."""


def read_yms(folder: Path, texts: Texts = "phrases", *, unmatched: bool = False) -> dict[str, AlignmentSequence]:
    """Video id -> its clips and texts with the truth by majority overlap; features have width 0, to be attached.

    unmatched: keep the texts that nothing in the video shows. The official code leaves them out. Raises UserError for
    a missing file and for a row that cannot be read, with its number.
    """
    clips: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for video, span, _ in _rows(folder / CLIPS, _CLIP_ROW):
        clips[video].append(span)
    narrations = _narrations(folder / f"annotations_{texts}.txt", unmatched)
    nothing = Narration(texts=(), spans=np.zeros((0, 2)))
    return {
        video: _sequence(video, np.array(spans), narrations.get(video, nothing))
        for video, spans in sorted(clips.items())
    }


def read_yms_split(folder: Path, videos: Sequence[str]) -> dict[str, list[str]]:
    """The ids of "train", "val" and "test" (`splits.json`); train is what no other list names."""
    named: Mapping[str, list[str]] = json.loads((folder / "splits.json").read_text())
    elsewhere = {*named["excluded"], *named["val"], *named["test"]}
    return {
        "train": [video for video in videos if video not in elsewhere],
        "val": list(named["val"]),
        "test": list(named["test"]),
    }


def _narrations(path: Path, unmatched: bool) -> dict[str, Narration]:
    told: dict[str, list[tuple[str, tuple[float, float]]]] = defaultdict(list)
    for video, span, text in _rows(path, _TEXT_ROW):
        if text == NOTHING_SAID:
            continue
        shown = not text.startswith(NOTHING_SHOWN)
        if shown or unmatched:
            told[video].append((text.removeprefix(NOTHING_SHOWN).strip(), span if shown else (np.nan, np.nan)))
    return {
        video: Narration(texts=tuple(text for text, _ in rows), spans=np.array([span for _, span in rows]))
        for video, rows in told.items()
    }


def _sequence(video: str, clips: Floats, narration: Narration) -> AlignmentSequence:
    empty = np.zeros((len(clips), 0), np.float32)
    sentences = Stream(
        name="sentences",
        spans=narration.spans,
        features=np.zeros((len(narration.texts), 0), np.float32),
        texts=narration.texts,
    )
    return AlignmentSequence(
        name=video,
        group=video,
        streams=(Stream(name="clips", spans=clips, features=empty), sentences),
        pairs=pairs_of(majority_labels(clips, narration.spans)),
    )


def _rows(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, tuple[float, float], str]]:
    """Video, interval in seconds and the stripped text, "" where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error}",
            "There would be no sequences",
            "Give the folder that holds clip_segmentation.txt and annotations_phrases.txt",
        ) from error
    for number, line in enumerate(lines, start=1):
        match = pattern.fullmatch(line)
        if match is None:
            raise UserError(
                f"{path}, row {number}, is no annotation: {line[:80]!r}",
                "Its video would lose an interval",
                "Write VVVV_HH.MM.SS.mmm-HH.MM.SS.mmm, a tab and the text; of clips VVVV/VVVV_start-end",
            )
        video, *fields = match.groups()
        text = fields[8] if len(fields) > 8 and fields[8] is not None else ""
        yield video, (_seconds(fields[:4]), _seconds(fields[4:8])), text.strip()


def _seconds(fields: Sequence[str]) -> float:
    hours, minutes, seconds, thousandths = map(int, fields)
    return 3600 * hours + 60 * minutes + seconds + thousandths / 1000
