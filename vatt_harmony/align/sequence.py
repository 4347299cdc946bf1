"""Streams of items that belong together, such as the clips and the sentences of a film, and their files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.errors import UserError

Floats = NDArray[np.float64]
Features = NDArray[np.float32]
Owners = NDArray[np.int64]
"""An alignment of two streams: for each clip `[N]` the sentence it belongs to, NULL for none."""

NULL = -1
FORMAT = 1
ABOUT = "sequences.json"


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Items in order: clips, or sentences."""

    name: str
    spans: Floats
    """Start and end of each item `[N, 2]` in seconds; NaN where unknown. Of sentences: the truth, never an input."""
    features: Features
    """`[N, D]`."""
    texts: tuple[str, ...] = ()
    """The sentences, N of them; () for clips."""
    joint: Features | None = None
    """Features `[N, J]` in a space that all streams share: what similarities are taken from."""

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True, kw_only=True)
class AlignmentSequence:
    """Streams to align, and the truth where it is known."""

    name: str
    group: str
    """The video it comes from: splits and intervals are over groups."""
    streams: tuple[Stream, ...]
    pairs: NDArray[np.int64] | None = None
    """Truth `[P, S]`: items that belong together, NULL for a stream that takes no part; in order."""
    media: str | None = None
    """The film, if there is one."""

    @property
    def clips(self) -> Stream:
        """The first stream."""
        return self.streams[0]

    @property
    def sentences(self) -> Stream:
        """The second stream."""
        return self.streams[1]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of items of each stream."""
        return tuple(len(stream) for stream in self.streams)

    @property
    def has_joint(self) -> bool:
        """Whether similarities can be taken."""
        return all(stream.joint is not None for stream in self.streams)

    @property
    def labels(self) -> Owners | None:
        """The sentence of each clip `[N]`, the first one where it has several; None without truth."""
        return None if self.pairs is None else owners_of(self.pairs, len(self.clips))


def owners_of(pairs: NDArray[np.int64], clips: int) -> Owners:
    """Pairs of two streams `[P, 2]` as the sentence of each of N clips `[N]`, the first one where it has several."""
    owners = np.full(clips, NULL, dtype=np.int64)
    for clip, sentence in pairs[::-1]:
        owners[clip] = sentence
    return owners


def pairs_of(owners: Owners) -> NDArray[np.int64]:
    """The pairs `[P, 2]` of an alignment `[N]`."""
    clips = np.flatnonzero(owners != NULL)
    return np.stack([clips, owners[clips]], axis=1).astype(np.int64)


def save_sequences(
    folder: Path, sequences: Sequence[AlignmentSequence], about: Mapping[str, Any] | None = None
) -> None:
    """Write one npz a sequence and `sequences.json` with `about`: where the features come from."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, sequence in enumerate(sequences):
        file = f"{number:06d}.npz"
        np.savez(folder / file, **_arrays(sequence))
        names.append(file)
    told = {"format": FORMAT, "sequences": names, "features": dict(about or {})}
    (folder / ABOUT).write_text(json.dumps(told, indent=2) + "\n")


def load_sequences(folder: Path) -> list[AlignmentSequence]:
    """The sequences of a folder in order; raises UserError for a folder that `save_sequences` has not written."""
    return [_read(folder / file) for file in read_about(folder)["sequences"]]


def read_about(folder: Path) -> dict[str, Any]:
    """What `sequences.json` of a folder says."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder} holds no prepared sequences ({ABOUT}: {error})",
            "There is nothing to align",
            "Make them with vatt-harmony align prepare, and name the folder of one split, or of all",
        ) from error
    if about.get("format") != FORMAT:
        raise UserError(
            f"{folder / ABOUT} has format {about.get('format')!r}; this version reads {FORMAT}",
            "Its arrays could be misread",
            "Prepare the sequences again with this version",
        )
    return about


def _arrays(sequence: AlignmentSequence) -> dict[str, Any]:
    head = {
        "name": sequence.name,
        "group": sequence.group,
        "media": sequence.media,
        "streams": [stream.name for stream in sequence.streams],
    }
    arrays: dict[str, Any] = {"about": np.array(json.dumps(head))}
    if sequence.pairs is not None:
        arrays["pairs"] = sequence.pairs
    for place, stream in enumerate(sequence.streams):
        arrays[f"spans{place}"], arrays[f"features{place}"] = stream.spans, stream.features
        arrays[f"texts{place}"] = np.array(stream.texts, dtype=np.str_)
        if stream.joint is not None:
            arrays[f"joint{place}"] = stream.joint
    return arrays


def _read(path: Path) -> AlignmentSequence:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            return AlignmentSequence(
                name=about["name"],
                group=about["group"],
                media=about["media"],
                pairs=arrays.get("pairs"),
                streams=tuple(
                    Stream(
                        name=name,
                        spans=arrays[f"spans{place}"],
                        features=arrays[f"features{place}"],
                        texts=tuple(arrays[f"texts{place}"].tolist()),
                        joint=arrays.get(f"joint{place}"),
                    )
                    for place, name in enumerate(about["streams"])
                ),
            )
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(
            f"The sequence {path} cannot be read: {error}", "It would be missing", "Prepare the sequences again"
        ) from error
