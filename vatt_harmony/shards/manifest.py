"""The manifest: one row a clip, checked before anything is encoded."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vatt_harmony.errors import UserError
from vatt_harmony.media.captions import Caption, captions_of, parse_inline
from vatt_harmony.shards.rows import read_rows

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class ManifestRow:
    """One clip to store. Times are seconds of the original file; `end` None means: to its end.

    A caption without times of its own has `start` 0 and `end` infinity.
    """

    number: int
    """Place in the manifest: the line of a CSV without line breaks in its fields, or of a JSON lines file."""
    path: Path
    captions: tuple[Caption, ...] = field(default=())
    captions_path: Path | None = None
    start: float | None = None
    end: float | None = None
    cut_from: tuple[float, float] | None = None
    """For one of the clips a long file was cut into: the interval they fill together."""
    label: str | None = None
    split: str = "train"
    video_id: str
    source: str


def read_manifest(
    path: Path, tell: Callable[[str], object] = lambda _: None, held_out: bool = False
) -> list[ManifestRow]:
    """Read and check a manifest (.csv, .tsv, .jsonl, .parquet); relative paths in it are relative to its folder.

    Columns: `path`; captions as `caption` (a string), `captions` (JSON list of strings or of {"text", "start",
    "end"}) or `captions_path` (srt, vtt, json); optional `start` and `end` (s), `label`, `split` ("train"),
    `video_id` (the file's stem), `source` (the manifest's stem). `tell` is given a sentence about ignored columns.

    Raises UserError for what `read_rows` refuses, for unreadable times or captions, for files that do not exist,
    for one video in two splits, and, if the splits are to be `held_out` by the build, for a column `split`.
    """
    raw = read_rows(path, tell)
    if held_out and any("split" in values for _, values in raw):
        raise UserError(
            f"{path} has a column 'split', and --hold-out is given",
            "It is not clear which videos are to be held out",
            "Remove the column, or leave --hold-out out",
        )
    rows = [_parse(number, values, path) for number, values in raw]
    _check_files(path, rows)
    _check_splits(path, rows)
    return rows


def _parse(number: int, values: Mapping[str, Any], manifest: Path) -> ManifestRow:
    def text(name: str) -> str:
        value = values.get(name)
        return "" if value is None or value != value else str(value).strip()

    def fail(what: str) -> UserError:
        return UserError(
            f"{manifest}, row {number}: {what}", "The clip could not be cut where it is meant", "Correct the row"
        )

    def seconds(name: str) -> float | None:
        if not text(name):
            return None
        try:
            value = float(text(name))
        except ValueError:
            raise fail(f"{name} is {text(name)!r}, not a number of seconds") from None
        if not math.isfinite(value) or value < 0:
            raise fail(f"{name} is {value}, outside [0, ∞)")
        return value

    if not text("path"):
        raise fail("path is empty")
    start, end = seconds("start"), seconds("end")
    if end is not None and end <= (start or 0.0):
        raise fail(f"end {end:g} s is not after start {start or 0.0:g} s")
    path = manifest.parent / text("path")
    return ManifestRow(
        number=number,
        path=path,
        captions=_parse_captions(values, f"{manifest} row {number}"),
        captions_path=manifest.parent / text("captions_path") if text("captions_path") else None,
        start=start,
        end=end,
        label=text("label") or None,
        split=text("split") or "train",
        video_id=text("video_id") or path.stem,
        source=text("source") or manifest.stem,
    )


def _parse_captions(values: Mapping[str, Any], where: str) -> tuple[Caption, ...]:
    """The inline captions; raises UserError naming what cannot be understood."""
    whole, listed = values.get("caption"), values.get("captions")
    if not (whole is None or whole != whole or isinstance(whole, str)):  # NaN is Parquet's way to say nothing
        raise UserError(
            f"{where}: caption is {whole!r}, a {type(whole).__name__} and not a string",
            "The clip would be trained without text",
            "Name the column 'captions'" if isinstance(whole, list | dict) else "Write it as a string",
        )
    captions = parse_inline(whole, where) if isinstance(whole, str) else []
    if isinstance(listed, str):
        captions += parse_inline(listed, where) if listed.strip() else []
    elif listed:
        captions += captions_of(listed, where)
    return tuple(captions)


def _check_files(manifest: Path, rows: list[ManifestRow]) -> None:
    checked: dict[Path, bool] = {}
    missing = []
    for row in rows:
        for path in filter(None, (row.path, row.captions_path)):
            if path not in checked:
                checked[path] = path.is_file()
                if not checked[path]:
                    missing.append(f"{path} (row {row.number})")
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
        raise UserError(
            f"{manifest} names {len(missing)} files that do not exist: {shown}",
            "Their clips would be missing from the shards",
            f"Correct the paths (relative ones start at {manifest.parent}) or remove the rows",
        )


def _check_splits(manifest: Path, rows: list[ManifestRow]) -> None:
    """A video is known by its id within its source and, whatever its id, by its file."""
    seen: dict[tuple[str, str], ManifestRow] = {}
    for row in rows:
        for identity in ((row.source, row.video_id), ("path", str(row.path))):
            first = seen.setdefault(identity, row)
            if first.split != row.split:
                raise UserError(
                    f"{manifest}: video {row.video_id!r} is in split {first.split!r} (row {first.number}) and in "
                    f"split {row.split!r} (row {row.number})",
                    "A model would be tested on videos it was trained on",
                    "Give all clips of a video one split",
                )
