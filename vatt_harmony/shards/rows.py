"""The raw rows of a CSV, JSON lines or Parquet manifest, and what its columns are called."""

import csv
import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow
import pyarrow.parquet

from vatt_harmony.errors import UserError

CAPTIONS = ("caption", "captions", "captions_path")
COLUMNS = ("path", *CAPTIONS, "start", "end", "label", "split", "video_id", "source")
MEANT = {
    "text": "caption",
    "sentence": "caption",
    "description": "caption",
    "transcript": "captions",
    "subtitles": "captions_path",
    "file": "path",
    "filename": "path",
    "filepath": "path",
    "file_path": "path",
    "start_time": "start",
    "end_time": "end",
    "class": "label",
    "subset": "split",
}
"""Names that other tools use for these columns."""
_FIELD_CHARACTERS = 2**31 - 1

Row = tuple[int, Mapping[str, Any]]


def read_rows(path: Path, tell: Callable[[str], object]) -> list[Row]:
    """The rows as (number, values); numbers are those an editor or a Parquet viewer would show.

    `tell` is given one sentence about columns that are ignored. Raises UserError for a file that is missing, empty
    or of another kind, for a CSV row whose fields are not those of the header, for a manifest without the column
    `path`, and for a column that looks like a known one misspelt.
    """
    if not path.is_file():
        raise UserError(
            f"The manifest {path} does not exist", "No shards can be built", "Check the path given to --manifest"
        )
    suffix = path.suffix.lower()
    try:
        rows = _parse(path, suffix)
    except (ValueError, csv.Error, pyarrow.ArrowException) as error:
        raise UserError(
            f"{path} cannot be read as {suffix[1:]}: {error}", "No shards can be built", "Repair or rewrite the file"
        ) from error
    if not rows:
        raise UserError(f"{path} has no rows", "There is nothing to build shards from", "Write one row for each clip")
    _check_columns(path, list(dict.fromkeys(name for _, values in rows for name in values)), tell)
    return rows


def _parse(path: Path, suffix: str) -> list[Row]:
    if suffix in (".csv", ".tsv"):
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(_fields(path, file, "\t" if suffix == ".tsv" else ","))
    if suffix in (".jsonl", ".ndjson"):
        with path.open(encoding="utf-8-sig") as file:
            return [(n, _object(n, line)) for n, line in enumerate(file, start=1) if line.strip()]
    if suffix == ".parquet":
        return list(enumerate(pyarrow.parquet.read_table(path).to_pylist()))
    raise UserError(f"{path} is no known kind of manifest", "It cannot be read", "Use .csv, .tsv, .jsonl or .parquet")


def _fields(path: Path, file: IO[str], delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(_FIELD_CHARACTERS)  # the default, 128 KiB, is less than the captions of a long film
    lines = csv.reader(file, delimiter=delimiter, strict=True)
    header = next(lines, [])
    for number, fields in enumerate(lines, start=2):
        if fields and len(fields) != len(header):
            raise UserError(
                f"{path}, row {number} has {len(fields)} fields, the header has {len(header)}",
                "Its values would be taken for those of other columns, and a caption would lose its end",
                f'Quote the caption: "…" around each field that holds a {"tab" if delimiter != "," else "comma"}',
            )
        if fields:
            yield number, dict(zip(header, fields, strict=True))


def _object(number: int, line: str) -> Mapping[str, Any]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"line {number} is not a JSON object")
    return value


def _check_columns(path: Path, names: Sequence[str], tell: Callable[[str], object]) -> None:
    absent = [c for c in COLUMNS if c not in names and not (c in CAPTIONS and any(name in CAPTIONS for name in names))]
    unknown = [name for name in names if name not in COLUMNS]
    meant = {name: known for name in unknown if (known := _near(name, absent))}
    if "path" not in names:
        near = [name for name, known in meant.items() if known == "path"]
        raise UserError(
            f"{path} has no column 'path'; it has {', '.join(names) or 'none'}",
            "No media file can be found",
            f"Rename {near[0]!r} to 'path'" if near else "Add a column 'path' with the media files",
        )
    for name, known in meant.items():
        raise UserError(
            f"{path} has a column {name!r} and none {known!r}",
            "An unknown column is ignored, and the clips would be without what it says",
            f"Rename it to {known!r}, or remove it",
        )
    if unknown:
        tell(f"ignored columns: {', '.join(unknown)}")


def _near(name: str, absent: Sequence[str]) -> str | None:
    """The absent column that an unknown one probably means."""
    plain = name.strip().lower()
    known = MEANT.get(plain, plain)
    return next(iter(difflib.get_close_matches(known, absent, n=1, cutoff=0.86)), None)
