"""The evidence as the page's scripts read it: compact columns of the clips on the map, counts of all the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vatt_harmony.conflicts.evidence import Evidence, read_visits
from vatt_harmony.conflicts.findings import Findings
from vatt_harmony.conflicts.history import count_visits
from vatt_harmony.conflicts.locate import Located
from vatt_harmony.conflicts.page import column

COLOURS = 8
"""Sources that have a colour of their own; smaller ones share the last."""
MOST_CAPTIONS, LONGEST_CAPTION = 5, 240
BINS = 50
"""Of the cosine in the picture of a source."""


@dataclass(frozen=True)
class Groups:
    """The sources, largest first; those beyond COLOURS are one group, the last."""

    names: list[str]
    of_row: NDArray[np.int64]
    """Group of each clip of the ledger `[N]`."""


def group_sources(sources: pa.ChunkedArray) -> Groups:
    """Group clips by the name of their source `[N]`."""
    names, code, counts = np.unique(sources.to_numpy(), return_inverse=True, return_counts=True)
    rank = np.empty(len(names), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(names))
    ordered = [str(names[i]) for i in np.argsort(rank)]
    if len(ordered) > COLOURS:
        ordered[COLOURS - 1 :] = [f"{len(ordered) - COLOURS + 1} smaller sources"]
    return Groups(ordered, np.minimum(rank[code], COLOURS - 1))


def page_data(
    evidence: Evidence,
    deviation: NDArray[np.float64],
    findings: Findings,
    groups: Groups,
    rows: NDArray[np.int64],
    located: Mapping[int, Located],
) -> dict[str, Any]:
    """All that the scripts draw from: the clips `rows` of the ledger as columns, in this order, and counts of all.

    `located` has captions and shards by place in `rows`.
    """
    with np.errstate(invalid="ignore"):
        error = deviation / np.sqrt(evidence.visits)
    left_out = np.setdiff1d(np.flatnonzero(np.isfinite(evidence.cosine)), rows)
    places = range(len(rows))
    return {
        "run": evidence.run.resolve().name,  # a page is sent on: no path of this machine
        "step": evidence.step,
        "signal": evidence.signal,
        "rule": evidence.rule,
        "total": findings.compared,
        # Every clip below this line is on the map, whatever had to be left out.
        "complete": float(evidence.cosine[left_out].min()) if left_out.size else None,
        "groups": groups.names,
        "history": _history(evidence, findings.found),
        "sources": [_source(evidence, groups, group, findings.found) for group in range(len(groups.names))],
        "keys": evidence.keys.take(rows).to_pylist(),
        "captions": [_shortened(located[place].captions) if place in located else None for place in places],
        "shards": [located[place].index.path.name if place in located else None for place in places],
        "cosine": column(evidence.cosine[rows], "f4"),
        "error": column(error[rows], "f4"),
        "loss": column(evidence.loss[rows], "f4"),
        "losses": {pair: column(values[rows], "f4") for pair, values in sorted(evidence.losses.items())},
        "visits": column(evidence.visits[rows], "u4"),
        "dropped": column(evidence.dropped[rows], "u4"),
        "group": column(groups.of_row[rows], "u1"),
        "found": column(findings.found[rows], "u1"),
    }


def _history(evidence: Evidence, found: NDArray[np.bool_]) -> dict[str, Any] | None:
    """Quantiles of the cosine over steps, of all clips and of those found; None without observations."""
    everything = count_visits(read_visits(evidence), np.ones_like(found), evidence.step)
    if not everything.counts.any():
        return None
    conflicting = count_visits(read_visits(evidence), found, evidence.step)
    return {
        "edges": everything.edges.tolist(),
        "all": _numbers(everything.quantiles()),
        "found": _numbers(conflicting.quantiles()),
    }


def _source(evidence: Evidence, groups: Groups, group: int, found: NDArray[np.bool_]) -> dict[str, Any]:
    """A source's clips counted by mean cosine, between the same edges for all sources."""
    compared = np.isfinite(evidence.cosine)
    low, high = np.quantile(evidence.cosine[compared], [0.001, 0.999])
    edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
    inside = np.clip(evidence.cosine, edges[0], edges[-1])
    own = compared & (groups.of_row == group)
    return {
        "name": groups.names[group],
        "clips": int(own.sum()),
        "found": int(found[own].sum()),
        "low": float(edges[0]),
        "high": float(edges[-1]),
        "counts": np.histogram(inside[own], edges)[0].tolist(),
        "found_counts": np.histogram(inside[own & found], edges)[0].tolist(),
    }


def _shortened(captions: list[str]) -> list[str]:
    return [c if len(c) <= LONGEST_CAPTION else c[: LONGEST_CAPTION - 1] + "…" for c in captions[:MOST_CAPTIONS]]


def _numbers(values: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else round(float(value), 4) for value in row] for row in values]
