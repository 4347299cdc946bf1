"""Alignments for other programs: JSON with everything, subtitles with the aligned times."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt_harmony.align.look.judged import Judged
from vatt_harmony.align.sequence import Stream

FORMAT = 1


def record(judged: Judged, media: str | None) -> dict[str, Any]:
    """Both streams item by item: times in seconds, partners by place, `null` for items without, truth where known."""
    found_above, found_below = judged.found
    return {
        "format": FORMAT,
        "name": judged.name,
        "group": judged.sequence.group,
        "media": media,
        "streams": [judged.upper.name, judged.lower.name],
        "clips": [{**_times(judged.upper, place), **item} for place, item in enumerate(_items(judged, 0))],
        "sentences": [{**_aligned(judged, place), **item} for place, item in enumerate(_items(judged, 1))],
        "null_clips": [place for place, found in enumerate(found_above) if not found],
        "null_sentences": [place for place, found in enumerate(found_below) if not found],
    }


def subtitles(judged: Judged) -> str:
    """SubRip: each sentence at the times of its clips, one cue for each interval, by start, then by order.

    Sentences without clips are left out.
    """
    cues = [
        (start, end, _one_line(text))
        for place, text in enumerate(judged.lower.texts)
        for start, end in judged.intervals(place)
    ]
    ordered = sorted(cues, key=lambda cue: cue[0])  # a stable sort: cues that start together keep the order
    return "\n".join(
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n" for number, (start, end, text) in enumerate(ordered, 1)
    )


def file_names(names: Sequence[str]) -> list[str]:
    """A file name for each sequence name, all different, without what a path could be made of."""
    taken: dict[str, int] = {}
    files = []
    for name in names:
        safe = re.sub(r"[^\w.-]+", "_", name).strip("._")[:120] or "sequence"
        taken[safe.lower()] = number = taken.get(safe.lower(), 0) + 1
        files.append(safe if number == 1 else f"{safe}~{number}")
    return files


def write_record(judged: Judged, media: str | None, folder: Path, name: str) -> None:
    """Write `NAME.json`, and `NAME.srt` where the upper stream has times and the lower one sentences.

    The subtitles are empty where nothing is aligned.
    """
    told = json.dumps(record(judged, media), indent=1, allow_nan=False, ensure_ascii=False)
    (folder / f"{name}.json").write_text(told + "\n", encoding="utf-8")
    if judged.lower.texts and np.isfinite(judged.upper.spans).all(axis=1).any():
        (folder / f"{name}.srt").write_text(subtitles(judged), encoding="utf-8")


def _items(judged: Judged, side: int) -> list[dict[str, Any]]:
    stream, name = (judged.upper, "sentences") if side == 0 else (judged.lower, "clips")
    verdicts = judged.verdicts(side)
    items = []
    for place, found in enumerate(judged.found[side]):
        sure = [judged.pairs[(place, other) if side == 0 else (other, place)] for other in found]
        item: dict[str, Any] = {
            name: found,
            "null": not found,
            "probability": min(sure, default=None),
            "truth": None if judged.true is None else judged.true[side][place],
            "verdict": verdicts[place],
        }
        items.append({"text": stream.texts[place], **item} if stream.texts else item)
    return items


def _times(stream: Stream, place: int) -> dict[str, float | None]:
    start, end = (float(value) if math.isfinite(value) else None for value in stream.spans[place])
    return {"start": start, "end": end}


def _aligned(judged: Judged, place: int) -> dict[str, Any]:
    intervals = judged.intervals(place)
    return {
        "start": intervals[0][0] if intervals else None,
        "end": intervals[-1][1] if intervals else None,
        "intervals": [list(interval) for interval in intervals],
        "true_times": _times(judged.lower, place),
    }


def _one_line(text: str) -> str:
    """Text that cannot be taken for the times or the end of a cue."""
    return " ".join(text.split()).replace("-->", "→") or "…"


def _clock(seconds: float) -> str:
    total = round(max(seconds, 0.0) * 1000)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d},{total % 1000:03d}"
