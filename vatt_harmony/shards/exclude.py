"""Drop lists: the keys of clips that a build leaves out."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow
import pyarrow.parquet

from vatt_harmony.errors import UserError
from vatt_harmony.shards.manifest import ManifestRow

REASON = "excluded"
_SHOWN = 3


@dataclass(frozen=True)
class Exclusion:
    """What a drop list means for a build."""

    clips: frozenset[tuple[str, str]]
    """(source, key) of the clips it leaves out."""
    unknown: Sequence[str]
    """Keys of the list that no clip has, in its order."""

    @property
    def told(self) -> str:
        """One line about the unknown keys; "" without any."""
        shown = ", ".join(self.unknown[:_SHOWN]) + (", …" if len(self.unknown) > _SHOWN else "")
        return f"{len(self.unknown)} keys of the drop list belong to no clip: {shown}" if self.unknown else ""


def read_drop_list(path: Path) -> list[str]:
    """The keys of a drop list: a text file with a key a line (# begins a comment), or .csv or .parquet, column `key`.

    Raises UserError for a file that is missing, cannot be read or has no such column.
    """
    try:
        if path.suffix.lower() == ".parquet":
            keys = [str(key) for key in pyarrow.parquet.read_table(path, columns=["key"])["key"].to_pylist()]
        elif path.suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8-sig") as file:
                keys = [row["key"] or "" for row in csv.DictReader(file)]
        else:
            keys = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if not line.startswith("#")]
    except (OSError, ValueError, KeyError, csv.Error, pyarrow.ArrowException) as error:
        raise UserError(
            f"The drop list {path} cannot be read: {error!r}",
            "The clips that it names would be trained on",
            "Give a text file with a key `source/KEY` a line, or .csv or .parquet with a column `key`",
        ) from error
    return list(dict.fromkeys(key.strip() for key in keys if key.strip()))


def exclusion(clips: Iterable[tuple[str, ManifestRow]], listed: Sequence[str]) -> Exclusion:
    """Which of the (key, row) pairs of a build a list names, by `source/KEY`, or by KEY in every source."""
    wanted, found = set(listed), set[str]()
    left_out = set()
    for key, row in clips:
        names = {f"{row.source}/{key}", key} & wanted
        if names:
            left_out.add((row.source, key))
            found |= names
    return Exclusion(frozenset(left_out), [key for key in listed if key not in found])
