"""Sentences of a retrieval protocol and the videos they describe, from the CSV files their authors publish."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vatt_harmony.errors import UserError

ProtocolName = Literal["msrvtt", "youcook2"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One sentence and the seconds of the video it belongs to."""

    key: str
    """Unique in its annotation."""
    video: str
    """Name of the video file, without its extension."""
    text: str
    within: tuple[float, float] | None = None
    """Start and end in seconds; None is the whole video."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How one published set is read."""

    columns: tuple[str, ...]
    """Columns its CSV must have."""
    row: Callable[[int, dict[str, str]], Row]
    """A line, given its number, as a row; raises ValueError where a time is not a number."""


def _msrvtt(number: int, line: dict[str, str]) -> Row:
    return Row(key=line["key"], video=line["video_id"], text=line["sentence"])


def _youcook2(number: int, line: dict[str, str]) -> Row:
    start, end = float(line["start"]), float(line["end"])
    return Row(key=f"{line['video_id']}_{number}", video=line["video_id"], text=line["text"], within=(start, end))


PROTOCOLS: dict[ProtocolName, Protocol] = {
    "msrvtt": Protocol(columns=("key", "video_id", "sentence"), row=_msrvtt),
    "youcook2": Protocol(columns=("video_id", "start", "end", "text"), row=_youcook2),
}
"""MSR-VTT: the 1,000 test captions of Yu et al. (arXiv 1808.02559), one a video. YouCook2: the steps of the validation
videos, cut out by their times, as MIL-NCE evaluates them (arXiv 1912.06430)."""


def read_annotations(name: ProtocolName, path: Path) -> list[Row]:
    """The rows of an annotation, in order.

    Raises UserError when the file does not exist, lacks a column, repeats a key, or is empty.
    """
    protocol = PROTOCOLS[name]
    if not path.is_file():
        raise UserError(f"{path} does not exist", "There are no sentences to search by", "Give the protocol's CSV file")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [column for column in protocol.columns if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(
                f"{path} has no column {', '.join(missing)}",
                "Sentences and videos cannot be paired",
                f"Give a CSV file with the columns {', '.join(protocol.columns)}, as {name} is published",
            )
        rows = [_row(protocol, path, number, line) for number, line in enumerate(reader)]
    if not rows or len({row.key for row in rows}) < len(rows):
        raise UserError(
            f"{path} {'repeats a key' if rows else 'has no rows'}",
            "Ranks would be counted wrongly",
            "Give the file as it is published",
        )
    return rows


def _row(protocol: Protocol, path: Path, number: int, line: dict[str, str]) -> Row:
    try:
        return protocol.row(number, line)
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path}, line {number + 2}: {error}", "That step cannot be cut out", "Give times in seconds"
        ) from error
