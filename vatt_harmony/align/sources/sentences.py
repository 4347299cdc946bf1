"""The sentences of a film from subtitles, a table, a list, or plain lines."""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vatt_harmony.align.sequence import Floats
from vatt_harmony.errors import UserError
from vatt_harmony.media.captions import Caption, captions_of, clean_text, parse_subtitles

TIMED = ("start", "end")


@dataclass(frozen=True)
class Sentences:
    """M sentences in the order of the file."""

    texts: tuple[str, ...]
    spans: Floats
    """When the file says that each is said `[M, 2]`, seconds; NaN where it does not say."""


def read_sentences(path: Path) -> Sentences:
    """Read .srt and .vtt; .json (sentences or {"text", "start", "end"}); .csv (column text, perhaps start and end);
    .txt (a sentence a line).

    Raises UserError for a file of another kind, one that cannot be read, and bad times, with the line.
    """
    kind = path.suffix.lower()
    readers = {".srt": parse_subtitles, ".vtt": parse_subtitles, ".json": _from_json, ".csv": _from_csv}
    if kind not in readers and kind != ".txt":
        raise UserError(
            f"{path} is no known kind of sentence file",
            "The film would have no text",
            "Give .srt, .vtt, .json, .csv or .txt",
        )
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The sentences {path} cannot be read: {error}", "The film would have no text", "Give a readable UTF-8 file"
        ) from error
    if kind == ".txt":
        return Sentences(tuple(map(clean_text, text.splitlines())), np.full((len(text.splitlines()), 2), np.nan))
    captions = readers[kind](text, str(path))
    spans = [(c.start, c.end) if math.isfinite(c.end) else (math.nan, math.nan) for c in captions]
    return Sentences(tuple(c.text for c in captions), np.array(spans, np.float64).reshape(-1, 2))


def _from_json(text: str, where: str) -> list[Caption]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise _refusal(where, f"line {error.lineno} is no JSON ({error.msg})") from error
    return _one_each(items if isinstance(items, list) else [items], where)


def _from_csv(text: str, where: str) -> list[Caption]:
    rows = list(csv.DictReader(text.splitlines()))
    if rows and "text" not in rows[0]:
        raise _refusal(where, f"it has no column 'text' but {', '.join(rows[0])}")
    # `captions_of` reads the times, and tells which item is wrong.
    return _one_each(
        [{name: row[name] for name in TIMED if row.get(name)} | {"text": row["text"] or ""} for row in rows], where
    )


def _one_each(items: Sequence[object], where: str) -> list[Caption]:
    """A caption for every item: `captions_of` leaves out those without text, and the truth counts them."""
    captions = []
    for number, item in enumerate(items):
        read = captions_of([item], f"{where} (item {number + 1})")
        captions.append(read[0] if read else Caption(""))
    return captions


def _refusal(where: str, what: str) -> UserError:
    return UserError(
        f"{where}: {what}", "The film would have no text", 'Write a list of {"text", "start", "end"} or such columns'
    )
