"""`conflicts report`: reads a run, judges its clips, fetches those to be shown, writes the page."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from vatt_harmony.config import load_config
from vatt_harmony.conflicts.choice import lowest_and_spread
from vatt_harmony.conflicts.columns import Groups, group_sources, page_data
from vatt_harmony.conflicts.embed import embed
from vatt_harmony.conflicts.evidence import Evidence, deviation, read_evidence
from vatt_harmony.conflicts.findings import Findings, find, notes, sentence
from vatt_harmony.conflicts.locate import Located, locate, shards_of
from vatt_harmony.conflicts.page import render
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, write_figures
from vatt_harmony.shards.reader import ShardReader

POINTS = 100_000
"""Most points on the map: what a browser draws without a pause."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The clips on the map, in the order in which they are embedded."""

    rows: NDArray[np.int64]
    """Of the ledger `[P]`."""
    located: Mapping[int, Located]
    """By place in `rows`."""
    clips: Mapping[int, bytes]
    """mp4 files, by place in `rows`."""
    failures: Mapping[str, int]
    """Reason -> clips that could not be embedded."""


def report_verb(options: argparse.Namespace) -> int:
    """Write the page and tell the finding; 0. Raises UserError where run, ledger or shards are missing."""
    evidence = read_evidence(options.run)
    spread = deviation(evidence)
    findings = find(evidence.cosine, spread, evidence.visits)
    if not findings.compared:
        raise UserError(
            f"None of the {findings.total} clips of the ledger has two losses to compare",
            "The map would be empty",
            "Train with at least two pairs of objective.weights above 0 on clips that have both partners",
        )
    console, groups = Console(), group_sources(evidence.sources)
    shown = _fetch(evidence, options, console)
    told = sentence(findings, sorted(evidence.losses))
    page = render(
        told,
        notes(findings, sorted(evidence.losses), evidence.signal, evidence.step),
        page_data(evidence, spread, findings, groups, shown.rows, shown.located),
        shown.clips,
    )
    _write(options.out, page)
    _tell(console, [str(told), f"{options.out}, {len(page) / 1e6:.1f} MB", *_remarks(shown)])
    if options.json:
        write_figures(figures(findings, groups, shown.clips), options.json)
    return 0


def _fetch(evidence: Evidence, options: argparse.Namespace, console: Console) -> Shown:
    config = load_config(RunConfig, options.run / "config.yaml")
    compared = np.flatnonzero(np.isfinite(evidence.cosine))
    rows = compared[lowest_and_spread(evidence.loss[compared], evidence.cosine[compared], POINTS)]
    reader = ShardReader()
    located = locate(evidence.keys.take(rows).to_pylist(), shards_of(config.data, options.data), reader)
    clips, failures = embed(located, reader, options.clips, options.megabytes, console)
    reader.close()
    return Shown(rows=rows, located=located, clips=clips, failures=failures)


def figures(findings: Findings, groups: Groups, clips: Mapping[int, bytes]) -> list[Figure]:
    """The finding for programs."""
    counts = [
        ("clips", "clips in the ledger", findings.total),
        ("compared", "clips with two losses to compare", findings.compared),
        ("judged", "clips with visits enough to judge", findings.judged),
        ("below", "clips whose mean cosine is below zero", findings.below),
        ("found", "clips that disagree with themselves", findings.count),
        ("by_chance", "of these expected by chance, at most", findings.by_chance),
        ("visits", "median visits of a clip", findings.visits),
        ("embedded", "clips inside the page", len(clips)),
    ]
    for group, name in enumerate(groups.names):
        own = findings.found[groups.of_row == group]
        counts.append((f"found.{name}", f"clips that disagree with themselves, {name}", int(own.sum())))
    rows = [Figure(id=f"report.{id}", name=name, value=value) for id, name, value in counts]
    size = sum(map(len, clips.values())) / 1e6
    return [*rows, Figure(id="report.embedded_size", name="size of the clips inside the page", value=size, unit="MB")]


def _write(path: Path, page: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error}", "There is no page", "Choose another --out") from error


def _remarks(shown: Shown) -> list[str]:
    lines = [f"{len(shown.rows):,} clips on the map, {len(shown.clips):,} of them can be played"]
    if absent := len(shown.rows) - len(shown.located):
        lines.append(f"without a caption, because not in the shards: {absent:,}")
    return [*lines, *(f"cannot be played, {reason}: {count:,}" for reason, count in shown.failures.items())]


def _tell(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
