"""A folder of tables written one after another, each whole or absent, that a later run can continue."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from vatt_harmony.errors import UserError

MANIFEST = "embed.json"
Format = Literal["npz", "parquet"]


class Parts:
    """The tables `part_00000.npz` (or .parquet) of `out`, each with its record `part_00000.json`.

    `identity` is what must be equal for tables of two runs to belong together. Raises UserError when `out` holds
    something else, or tables of another identity.
    """

    def __init__(self, out: Path, format: Format, identity: Mapping[str, Any]) -> None:
        self.out, self.format = out, format
        _claim(out, identity)

    def finished(self, number: int) -> bool:
        """Whether table `number` is complete."""
        return self._record(number).is_file()

    def write(self, number: int, columns: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
        """Write table `number`, then its record, which declares it finished."""
        _write_table(self.path(number), columns)
        _replace(self._record(number), lambda path: path.write_text(json.dumps(record)))

    def path(self, number: int) -> Path:
        """The file of table `number`."""
        return self.out / f"part_{number:05d}.{self.format}"

    def record(self, number: int) -> dict[str, Any]:
        """The record that was written with table `number`."""
        return cast(dict[str, Any], json.loads(self._record(number).read_text()))

    def _record(self, number: int) -> Path:
        return self.out / f"part_{number:05d}.json"


def _claim(out: Path, identity: Mapping[str, Any]) -> None:
    """Make `out` this run's folder, or find that it already is."""
    if (out / MANIFEST).is_file():
        earlier = json.loads((out / MANIFEST).read_text())
        changed = [key for key in identity if earlier.get(key) != identity[key]]
        if changed:
            raise UserError(
                f"{out} holds embeddings of another run: {', '.join(changed)} differ",
                "Parts of both would be mixed",
                "Give another --out, or the same model, files and settings",
            )
        return
    if out.suffix in (".npz", ".parquet") and not out.is_dir():
        raise UserError(
            f"--out {out} is the name of a file, but embeddings are written as numbered parts into a folder",
            "Nothing was embedded",
            f"Give a folder, such as --out {out.with_suffix('')} --format {out.suffix[1:]}",
        )
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(
            f"{out} exists and was not made by embed", "Its files could be overwritten", "Name an empty or new folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    _replace(out / MANIFEST, lambda path: path.write_text(json.dumps(identity)))


def _write_table(path: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    if path.suffix == ".npz":
        _replace(path, lambda temporary: _save_npz(temporary, columns))
        return
    arrays = {name: pyarrow.array(_cells(column)) for name, column in columns.items()}
    _replace(path, lambda temporary: pyarrow.parquet.write_table(pyarrow.table(arrays), temporary))


def _save_npz(path: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    with path.open("wb") as file:  # given a name, numpy would append .npz to it
        np.savez(file, **dict[str, Any](columns))


def _cells(column: NDArray[Any]) -> list[Any]:
    if column.ndim == 1:
        return [str(key) for key in column]
    return [None if np.isnan(row).any() else row for row in column]


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside `path`, then rename: a reader, or the next run, sees all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    write(temporary)
    temporary.replace(path)
