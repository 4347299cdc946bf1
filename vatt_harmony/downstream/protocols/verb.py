"""What `evaluate retrieval --protocol` does once its arguments are read."""

import argparse
import csv
from pathlib import Path

from vatt_harmony.downstream.protocols.annotations import Row, read_annotations
from vatt_harmony.downstream.protocols.retrieve import ProtocolResult, retrieve_rows
from vatt_harmony.downstream.protocols.videos import find_videos, show
from vatt_harmony.downstream.ranks import usable_device
from vatt_harmony.downstream.report import print_retrieval, retrieval_figures
from vatt_harmony.downstream.windows import Cut
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, write_figures
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.processor import VattProcessor

FRAMES, FPS, SIZE = 32, 25 / 2, 224
"""32 frames with stride 2 at 25 fps, the centre 224 x 224 pixels (VATT A.3.3)."""
EVERY = 100
"""Rows between two signs of life."""
NAMED = 10
"""Rows named on the screen for each reason."""


def run_protocol(args: argparse.Namespace) -> int:
    """`evaluate retrieval --protocol`: one process prints the table, N, and what is missing."""
    if args.data is not None or args.annotations is None or args.videos is None:
        raise UserError(
            f"--protocol {args.protocol} needs --annotations CSV and --videos DIR, and no DATA",
            "Sentences and videos cannot be paired",
            f"Write evaluate retrieval MODEL --protocol {args.protocol} --annotations CSV --videos DIR",
        )
    rows = read_annotations(args.protocol, args.annotations)[: args.limit]
    videos = find_videos(args.videos)
    model, processor = load_model(args.model, usable_device(args.device))
    shown = show(rows, videos, _cut(processor, args.input), args.windows, max(args.workers, 1))
    result = retrieve_rows(model, processor, shown, lambda done: _tell(done, len(rows)))
    print_retrieval(result.retrievals)
    print(f"N = {result.measured} of {len(rows)} rows of {args.annotations.name}")
    for reason, lost in sorted(result.missing.items()):
        print(f"{len(lost)} rows, {reason}: {_named(lost)}")
    if args.json:
        write_figures(protocol_figures(args.protocol, result), args.json)
    if args.missing:
        _write_missing(result, args.missing)
    return 0


def protocol_figures(name: str, result: ProtocolResult) -> list[Figure]:
    """Recalls and median ranks, N, and rows lost by reason."""
    counts = {"rows measured": result.measured}
    counts |= {f"rows lost, {reason}": len(lost) for reason, lost in sorted(result.missing.items())}
    told = [Figure(id=f"{name}.{what}", name=what, value=float(count)) for what, count in counts.items()]
    return [*retrieval_figures(result.retrievals, name), *told]


def _tell(done: int, rows: int) -> None:
    if done % EVERY == 0:
        print(f"row {done} of {rows}", flush=True)


def _cut(processor: VattProcessor, given: str) -> Cut:
    own = Cut.of(processor)
    return own if given == "model" else Cut(frames=FRAMES, fps=FPS, size=SIZE, sample_rate=own.sample_rate)


def _named(rows: list[Row]) -> str:
    names = list(dict.fromkeys(row.video for row in rows))
    more = f" and {len(names) - NAMED} videos more (--missing FILE names all)" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _write_missing(result: ProtocolResult, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("key", "video_id", "reason"))
        table.writerows((row.key, row.video, reason) for reason, rows in result.missing.items() for row in rows)
