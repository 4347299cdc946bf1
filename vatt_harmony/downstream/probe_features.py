"""Features of labelled clips, computed once for a model, a set and its settings, and kept on disk."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.downstream.items import Failures
from vatt_harmony.downstream.parts import Parts
from vatt_harmony.downstream.probe_encode import FeatureKind, encode_clips
from vatt_harmony.downstream.probe_media import Modality
from vatt_harmony.downstream.probe_sets import LabelledClip, ProbeSet
from vatt_harmony.downstream.windows import Cut
from vatt_harmony.errors import UserError
from vatt_harmony.model.fingerprint import weights_digest
from vatt_harmony.model.hf import VattModel

VERSION = 1
PART_CLIPS = 256


@dataclass(frozen=True, kw_only=True)
class Features:
    """Features of the clips of a set that could be read, by key."""

    rows: dict[str, NDArray[np.float32]]
    """Key -> [1 + W, D]: the middle window, then those for tests; one row where the clip has one window."""
    failures: Failures


def read_features(
    model: VattModel,
    labelled: ProbeSet,
    modality: Modality,
    kind: FeatureKind,
    cut: Cut,
    *,
    windows: int,
    cache: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Features:
    """Features of every clip of `labelled` that has the modality; parts that lie in `cache` are not computed again.

    `kind` "tower": the encoder's output after its final norm (and post-projection), before the heads; "va", "vt": the
    raw embedding in that space. Clips that no fold tests give their middle window only. One process.
    """
    clips = [clip for clip in labelled.clips if modality in clip.sources]
    identity = _identity(model, labelled, clips, modality, cut, windows)
    folder = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(labelled.name).name)
    parts = Parts(cache / f"{folder}-{modality}-{identity['digest'][:12]}", "npz", identity)
    found, failures = dict[str, NDArray[np.float32]](), Failures()
    groups = [clips[start : start + PART_CLIPS] for start in range(0, len(clips), PART_CLIPS)]
    for number, group in enumerate(groups):
        if not parts.finished(number):
            lost = Failures()
            spaced = {clip.key: windows if clip.key in labelled.tested else 0 for clip in group}
            columns = encode_clips(model, group, modality, cut, spaced, lost)
            parts.write(number, columns, {"failures": lost.counts, "first": lost.first})
        found |= _rows(parts, number, kind)
        _add(failures, parts.record(number))
        progress(number + 1, len(groups))
    return Features(rows=found, failures=failures)


def _identity(
    model: VattModel,
    labelled: ProbeSet,
    clips: Sequence[LabelledClip],
    modality: Modality,
    cut: Cut,
    windows: int,
) -> dict[str, Any]:
    """What must be equal for features to be used again; files count by name, size and time."""
    settings = {"version": VERSION, "model": weights_digest(model), "set": labelled.name, "modality": modality}
    settings |= {"windows": windows, **asdict(cut)}
    items = [
        [clip.key, clip.key in labelled.tested, str(clip.sources[modality]), *_stamp(clip.sources[modality])]
        for clip in clips
    ]
    digest = hashlib.sha256(json.dumps([settings, items]).encode()).hexdigest()
    return {**settings, "clips": len(clips), "digest": digest}


def _stamp(source: Any) -> list[int]:
    path: Path | None = getattr(source, "path", None) or getattr(source, "shard", None)
    if path is None or not path.exists():
        return []
    return [path.stat().st_size, path.stat().st_mtime_ns]


def _rows(parts: Parts, number: int, kind: FeatureKind) -> dict[str, NDArray[np.float32]]:
    with np.load(parts.path(number)) as table:
        if not len(table["key"]):
            return {}
        if kind not in table:
            raise UserError(
                f"This model has no embedding of that modality in the space {kind!r}",
                "There is nothing to probe",
                "Use --feature tower",
            )
        edges = np.cumsum(table["rows"])[:-1]
        return dict(zip(table["key"].tolist(), np.split(table[kind], edges), strict=True))


def _add(failures: Failures, record: dict[str, Any]) -> None:
    failures.counts.update(record["failures"])
    for reason, where in record["first"].items():
        failures.first.setdefault(reason, where)
