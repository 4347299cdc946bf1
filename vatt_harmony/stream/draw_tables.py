"""Versioned tables of draws in a folder: written once, far ahead of the steps they are for, and never changed."""

import hashlib
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.errors import UserError

WAIT_SECONDS = 1800.0
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class DrawTable:
    """One version: each source's levels `[N]` (uint8, in the order of its shards) and where its passes go on."""

    levels: Mapping[str, NDArray[np.uint8]]
    starts: Mapping[str, int]
    """Place in the source's passes of its first draw under this table."""

    @cached_property
    def digest(self) -> str:
        """Of all that decides draws: what a checkpoint compares."""
        state = hashlib.sha256()
        for name in sorted(self.levels):
            state.update(f"{name}\x1f{self.starts[name]}\x1f{len(self.levels[name])}\x1f".encode())
            state.update(self.levels[name].tobytes())
        return state.hexdigest()[:16]


@dataclass(frozen=True)
class DrawTables:
    """The tables of a run, `FOLDER/version_00000001.npz` and on.

    Version n is made after n * refresh steps and in force from step (n + 1) * refresh to the next one's, so that
    batches can be prepared up to `refresh` steps ahead. Before version 1 the order is the plain one.
    """

    folder: Path
    refresh: int

    def in_force(self, step: int) -> int:
        """Version by which step number `step` (from 0) is drawn; 0 = none."""
        return max(step // self.refresh - 1, 0)

    def made(self, steps: int) -> int:
        """Newest version there is after `steps` steps; 0 = none."""
        return steps // self.refresh

    def path(self, version: int) -> Path:
        """File of a version."""
        return self.folder / f"version_{version:08d}.npz"

    def write(self, version: int, table: DrawTable) -> None:
        """Write a version in one move. One process only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {f"levels/{name}": levels for name, levels in table.levels.items()}
        arrays |= {f"start/{name}": np.array(start, np.int64) for name, start in table.starts.items()}
        part = self.path(version).with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its stub takes any name for allow_pickle
        part.replace(self.path(version))

    def read(self, version: int, wait_seconds: float = WAIT_SECONDS) -> DrawTable:
        """Read a version, waiting for it where the reader runs ahead of the training; UserError if it does not come."""
        path, end = self.path(version), time.monotonic() + wait_seconds
        while not path.is_file():
            if time.monotonic() >= end:
                raise UserError(
                    f"The table of draws {path} is not there"
                    + (f" after {wait_seconds:g} s of waiting" if wait_seconds else ""),
                    f"Nobody can know which samples come from step {(version + 1) * self.refresh + 1} on",
                    "Restore it (every machine of the run must see the run folder), "
                    "or start another run from the weights alone with --init",
                )
            time.sleep(_POLL_SECONDS)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = [name.removeprefix("levels/") for name in arrays.files if name.startswith("levels/")]
                return DrawTable(
                    {name: arrays[f"levels/{name}"] for name in names},
                    {name: int(arrays[f"start/{name}"]) for name in names},
                )
        except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error) as error:
            raise UserError(
                f"The table of draws {path} is damaged: {error}",
                f"Nobody can know which samples come from step {(version + 1) * self.refresh + 1} on",
                "Restore it from a copy, or start another run from the weights alone with --init",
            ) from error

    def forget_after(self, steps: int) -> None:
        """Remove the tables of steps that will be done again. One process only, before anybody reads."""
        for path in self.folder.glob("version_*"):
            if path.suffix == ".part" or int(path.stem.split("_")[1]) > self.made(steps):
                path.unlink()

    def digests(self, steps: int) -> dict[str, str]:
        """Version -> digest of the tables that the steps after `steps` need and that exist by then."""
        needed = range(max(self.in_force(steps), 1), self.made(steps) + 1)
        return {str(version): self.read(version, 0.0).digest for version in needed}
