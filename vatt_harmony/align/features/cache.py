"""Features of clips kept on disk, under the encoder's fingerprint and the clip's film and interval."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vatt_harmony.align.features.encoder import ClipEncoder, Rows
from vatt_harmony.align.sequence import AlignmentSequence, Floats


@dataclass(frozen=True)
class CachedClips:
    """A clip encoder that computes nothing twice; `folder/FINGERPRINT/FILM.npz` holds what it has seen of a film.

    A changed checkpoint or setting has another fingerprint, a changed film another name. Clips that gave no features
    are tried again.
    """

    encoder: ClipEncoder
    folder: Path

    @property
    def fingerprint(self) -> str:
        """The encoder's."""
        return self.encoder.fingerprint

    def clips(self, film: AlignmentSequence) -> Iterator[Rows | str]:
        """As `ClipEncoder.clips`."""
        file = self.folder / self.fingerprint / f"{_film_key(film)}.npz"
        known, names = _read(file), [f"{start!r} {end!r}" for start, end in film.clips.spans.tolist()]
        missing = [place for place, name in enumerate(names) if name not in known]
        if missing:
            found = dict(zip(missing, self.encoder.clips(_only(film, film.clips.spans[missing])), strict=True))
            known |= {names[place]: row for place, row in found.items() if isinstance(row, Rows)}
            _write(file, known)
            yield from (found[place] if place in found else known[name] for place, name in enumerate(names))
        else:
            yield from (known[name] for name in names)


def _film_key(film: AlignmentSequence) -> str:
    told = [film.name]
    if film.media is not None:
        facts = Path(film.media).stat()
        told = [str(Path(film.media).resolve()), str(facts.st_size), str(facts.st_mtime_ns)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _only(film: AlignmentSequence, spans: Floats) -> AlignmentSequence:
    """The film with these clips alone."""
    clips = replace(film.clips, spans=spans, features=np.zeros((len(spans), 0), np.float32))
    return replace(film, streams=(clips, *film.streams[1:]), pairs=None)


def _read(file: Path) -> dict[str, Rows]:
    if not file.is_file():
        return {}
    with np.load(file, allow_pickle=False) as arrays:
        features, joint = arrays["features"], arrays.get("joint")
        return {
            str(name): Rows(features[row : row + 1], None if joint is None else joint[row : row + 1])
            for row, name in enumerate(arrays["names"])
        }


def _write(file: Path, known: dict[str, Rows]) -> None:
    if not known:
        return
    arrays = {"names": np.array(list(known)), "features": np.concatenate([row.features for row in known.values()])}
    joints = [row.joint for row in known.values() if row.joint is not None]
    if joints:
        arrays["joint"] = np.concatenate(joints)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.npz")
    np.savez(partial, allow_pickle=False, **arrays)
    partial.replace(file)
