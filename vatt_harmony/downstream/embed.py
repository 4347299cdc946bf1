"""Embeddings of media files and shards, written part by part so that a stopped run continues where it was."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vatt_harmony.downstream.encode import embed_clips
from vatt_harmony.downstream.items import Failures, plan_parts, read_part
from vatt_harmony.downstream.parts import Format, Parts
from vatt_harmony.model.fingerprint import weights_digest
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.processor import VattProcessor

VERSION = 2
PART_FILES = 256
"""Loose files of one part."""


@dataclass(frozen=True, kw_only=True)
class EmbedResult:
    """What lies in the folder now."""

    parts: int
    resumed: int
    """Parts that an earlier run had finished."""
    embedded: int
    failures: Counter[str]
    """Reason -> items (or silent windows) that gave no embedding."""
    first: dict[str, str]
    """Reason -> the first file, or `SHARD: KEY`, of those."""


def embed(
    model: VattModel,
    processor: VattProcessor,
    paths: Sequence[Path],
    out: Path,
    *,
    format: Format = "npz",
    windows: int = 4,
    batch: int = 8,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EmbedResult:
    """Embed the media files, shards and folders in `paths` into parts `part_00000.npz` (or .parquet) in `out`.

    A part holds `key` and, for each (branch, space), float32 unit vectors [N, D] named `video_vt` and so on; rows
    of NaN (null in parquet) where a modality is missing. Embeddings of `windows` evenly spaced windows, and of
    all sentences of a shard's sample, are averaged, then normalised. Finished parts are skipped. One process.

    Raises UserError for a path that does not exist, or an `out` that holds something else or other settings' parts.
    """
    plan = plan_parts(paths, PART_FILES)
    parts = Parts(out, format, _identity(model, plan, format, windows))
    resumed = 0
    for number, inputs in enumerate(plan):
        if parts.finished(number):
            resumed += 1
        else:
            failures = Failures()
            columns = embed_clips(model, processor, read_part(inputs, processor, windows, failures), batch)
            parts.write(
                number,
                columns,
                {"embedded": len(columns["key"]), "failures": failures.counts, "first": failures.first},
            )
        progress(number + 1, len(plan))
    records = [parts.record(number) for number in range(len(plan))]
    return EmbedResult(
        parts=len(plan),
        resumed=resumed,
        embedded=sum(record["embedded"] for record in records),
        failures=sum((Counter(record["failures"]) for record in records), Counter()),
        first={reason: where for record in reversed(records) for reason, where in record["first"].items()},
    )


def _identity(model: VattModel, plan: Sequence[Sequence[Path]], format: str, windows: int) -> dict[str, Any]:
    """What must be equal for parts of two runs to belong together."""
    inputs = [[[str(path), path.stat().st_size] for path in part] for part in plan]
    return {"version": VERSION, "model": weights_digest(model), "format": format, "windows": windows, "inputs": inputs}
