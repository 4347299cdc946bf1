"""Features that somebody else has made, a file for each film."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from vatt_harmony.align.features.encoder import Rows
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.errors import UserError

KINDS = (".npz", ".npy", ".safetensors")


class GivenFeatures:
    """Clip and sentence features from `FOLDER/FILM.npz` (.npy, .safetensors); FILM is the film's name without suffix.

    Arrays `clips` [N, D] and, where no text encoder is named, `sentences` [M, D]; perhaps `joint_clips` and
    `joint_sentences` [.., J] in a shared space. A .npy file is `clips`. Pickled objects are refused.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def fingerprint(self) -> str:
        """Of the names, sizes and times of the files."""
        files = sorted(file for file in self._folder.glob("*") if file.suffix in KINDS)
        told = [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]

    def clips(self, film: AlignmentSequence) -> Iterator[Rows | str]:
        """As `ClipEncoder.clips`; raises UserError when the file is not of these clips."""
        rows = self._rows(film.name, "clips", len(film.clips))
        for place in range(len(rows.features)):
            joint = None if rows.joint is None else rows.joint[place : place + 1]
            yield Rows(rows.features[place : place + 1], joint)

    def texts(self, film: str, texts: Sequence[str]) -> Rows:
        """As `TextEncoder.texts`; raises UserError when the file is not of these sentences."""
        return self._rows(film, "sentences", len(texts))

    def _rows(self, film: str, name: str, count: int) -> Rows:
        file = self._file(film)
        arrays = _read(file)
        if name not in arrays:
            raise UserError(
                f"{file} has no array {name!r} but {', '.join(arrays) or 'nothing'}",
                f"The {name} of {film} have no features",
                "Add the array" + (", or name a text encoder with --text" if name == "sentences" else ""),
            )
        for key in (name, f"joint_{name}"):
            if key in arrays and (arrays[key].ndim != 2 or len(arrays[key]) != count):
                raise UserError(
                    f"{file}: {key} has the shape {list(arrays[key].shape)}, and {film} has {count} {name}",
                    "Features would be given to the wrong ones",
                    f"Write one row for each of the {name} of this film, [{count}, D]",
                )
        joint = arrays.get(f"joint_{name}")
        return Rows(arrays[name].astype(np.float32), None if joint is None else joint.astype(np.float32))

    def _file(self, film: str) -> Path:
        for kind in KINDS:
            if (file := self._folder / f"{film}{kind}").is_file():
                return file
        raise UserError(
            f"{self._folder} has no {film}.npz, .npy or .safetensors",
            f"{film} has no features",
            "Write the file, or take the film out of the list",
        )


def _read(file: Path) -> dict[str, NDArray[np.generic]]:
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"clips": loaded}
        with loaded:
            return dict(loaded)
    except Exception as error:  # safetensors has a type of its own, numpy none
        raise UserError(
            f"{file} cannot be read: {type(error).__name__}: {error}",
            "Its film would have no features",
            "Write it with numpy.savez or safetensors; pickled objects are not read",
        ) from error
