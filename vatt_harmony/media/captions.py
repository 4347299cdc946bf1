"""Timed sentences from srt, vtt, json or inline text, with markup stripped and bad times refused by line."""

import html
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vatt_harmony.errors import UserError

_ARROW = "-->"
_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})$")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_SPACE = re.compile(r"\s+")
_NOT_CUES = ("WEBVTT", "NOTE", "STYLE", "REGION")


@dataclass(frozen=True)
class Caption:
    """One sentence and when it is said, in seconds from the clip's start; an infinite end is the clip's end."""

    text: str
    start: float = 0.0
    end: float = math.inf


def read_captions(path: Path) -> list[Caption]:
    """Read a .srt, .vtt or .json caption file; any other file is one caption. Raises UserError with file and line."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The captions {path} cannot be read: {error}",
            "The clip would be trained without text",
            "Give a readable UTF-8 file",
        ) from error
    if path.suffix.lower() in (".srt", ".vtt"):
        return parse_subtitles(text, str(path))
    return parse_json(text, str(path)) if path.suffix.lower() == ".json" else parse_inline(text, str(path))


def parse_inline(text: str, where: str) -> list[Caption]:
    """A manifest cell: a JSON list of sentences or {"text", "start", "end"}, or one plain sentence."""
    if text.lstrip().startswith(("[{", '["', "[]", '{"')):
        return parse_json(text, where)
    return _kept([Caption(text)])


def parse_json(text: str, where: str) -> list[Caption]:
    """A JSON list whose items are sentences or {"text", "start", "end"}; one such item alone also counts."""
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise _refusal(where, error.lineno, f"no JSON ({error.msg})") from error
    return captions_of(items, where)


def captions_of(items: object, where: str) -> list[Caption]:
    """Captions from parsed JSON: a sentence, a {"text", "start", "end"}, or a list of either."""
    if not isinstance(items, list):
        items = [items]
    return _kept([_item(item, where, number) for number, item in enumerate(items, 1)])


def parse_subtitles(text: str, where: str) -> list[Caption]:
    """SubRip or WebVTT cues; numbers, settings, notes and styles are skipped."""
    captions: list[Caption] = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith(_NOT_CUES):
            while number < len(lines) and lines[number].strip():
                number += 1
        elif _ARROW in line:
            start, end = _cue_times(line, where, number)
            first = number
            while number < len(lines) and lines[number].strip():
                number += 1
            captions.append(Caption(" ".join(lines[first:number]), start, end))
    if lines and not captions and any(line.strip() and not line.startswith(_NOT_CUES) for line in lines):
        raise _refusal(where, 1, f'no line with "{_ARROW}" in a subtitle file')
    return _kept(captions)


def clean_text(text: str) -> str:
    """One line without tags, entities or doubled spaces."""
    return _SPACE.sub(" ", html.unescape(_MARKUP.sub("", text))).strip()


def _kept(captions: Sequence[Caption]) -> list[Caption]:
    """Captions with clean text; those without a word are left out."""
    cleaned = [Caption(clean_text(item.text), item.start, item.end) for item in captions]
    return [item for item in cleaned if item.text]


def _cue_times(line: str, where: str, number: int) -> tuple[float, float]:
    left, right = line.split(_ARROW, 1)
    ends = right.split()  # settings of the cue may follow the end
    times = _clock(left.strip()), _clock(ends[0] if ends else "")
    if times[0] is None or times[1] is None:
        raise _refusal(where, number, f'unreadable times "{line.strip()}"')
    return _checked(times[0], times[1], where, number)


def _clock(text: str) -> float | None:
    match = _TIME.match(text)
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _item(item: object, where: str, number: int) -> Caption:
    if isinstance(item, str):
        return Caption(item)
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise _refusal(where, number, f'neither a sentence nor {{"text", "start", "end"}}: {item!r}', "item")
    start, end = item.get("start"), item.get("end")
    try:
        times = 0.0 if start is None else float(start), math.inf if end is None else float(end)
    except (TypeError, ValueError) as error:
        raise _refusal(where, number, f"times {start!r} to {end!r} are no numbers", "item") from error
    return Caption(item["text"], *_checked(*times, where, number, "item"))


def _checked(start: float, end: float, where: str, number: int, unit: str = "line") -> tuple[float, float]:
    if not 0 <= start <= end:  # also refuses NaN
        raise _refusal(where, number, f"the caption runs from {start} s to {end} s", unit)
    return start, end


def _refusal(where: str, number: int, what: str, unit: str = "line") -> UserError:
    return UserError(
        f"Captions {where}, {unit} {number}: {what}",
        "Its sentence would be paired with the wrong seconds of the clip",
        "Correct it: times run forward from 0 s, as 00:00:01,000 --> 00:00:02,500 or as numbers of seconds in JSON",
    )
