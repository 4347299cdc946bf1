"""The manifest: one row a clip, from CSV, JSON lines or Parquet, checked before anything is encoded."""

import csv
import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from vatt_harmony.errors import UserError
from vatt_harmony.media.captions import Caption, captions_of, parse_inline

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
    label: str | None = None
    split: str = "train"
    video_id: str
    source: str


def read_manifest(path: Path) -> list[ManifestRow]:
    """Read and check a manifest; relative paths in it are relative to its folder.

    Columns: `path`; captions as `caption` (a string), `captions` (JSON list of strings or of {"text", "start",
    "end"}) or `captions_path` (srt, vtt, json); optional `start` and `end` (s), `label`, `split` ("train"),
    `video_id` (the file's stem), `source` (the manifest's stem).

    Raises UserError for a manifest that is missing, empty, without the column `path`, with unreadable times or
    captions, with files that do not exist, or with one video in two splits.
    """
    raw = _read_rows(path)
    if not raw:
        raise UserError(f"{path} has no rows", "There is nothing to build shards from", "Write one row for each clip")
    _check_columns(path, raw[0][1])
    rows = [_parse(number, values, path) for number, values in raw]
    _check_files(path, rows)
    _check_splits(path, rows)
    return rows


def _read_rows(path: Path) -> list[tuple[int, Mapping[str, Any]]]:
    """The rows as (number, values); numbers are those an editor or a Parquet viewer would show."""
    if not path.is_file():
        raise UserError(
            f"The manifest {path} does not exist", "No shards can be built", "Check the path given to --manifest"
        )
    suffix = path.suffix.lower()
    try:
        if suffix in (".csv", ".tsv"):
            with path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file, delimiter="\t" if suffix == ".tsv" else ",", strict=True)
                return [(number, row) for number, row in enumerate(reader, start=2)]
        if suffix in (".jsonl", ".ndjson"):
            with path.open(encoding="utf-8-sig") as file:
                return [(n, _object(n, line)) for n, line in enumerate(file, start=1) if line.strip()]
        if suffix == ".parquet":
            return list(enumerate(pyarrow.parquet.read_table(path).to_pylist()))
    except (ValueError, csv.Error, pyarrow.ArrowException) as error:
        raise UserError(
            f"{path} cannot be read as {suffix[1:]}: {error}", "No shards can be built", "Repair or rewrite the file"
        ) from error
    raise UserError(
        f"{path} is no known kind of manifest",
        "It cannot be read",
        "Use .csv, .tsv, .jsonl or .parquet",
    )


def _object(number: int, line: str) -> Mapping[str, Any]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"line {number} is not a JSON object")
    return value


def _check_columns(path: Path, first: Mapping[str, Any]) -> None:
    names = [str(name) for name in first if name is not None]
    if "path" in first:
        return
    near = difflib.get_close_matches("path", names, n=1, cutoff=0.4) or [n for n in names if "file" in n.lower()]
    hint = f"Rename {near[0]!r} to 'path'" if near else "Add a column 'path' with the media files"
    raise UserError(
        f"{path} has no column 'path'; it has {', '.join(names) or 'none'}", "No media file can be found", hint
    )


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
