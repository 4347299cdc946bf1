"""The page of a comparison: one HTML file that fetches nothing."""

import html
import math
from collections.abc import Sequence
from typing import Any

from vatt_harmony.engine.files import plain
from vatt_harmony.finetune.compare.findings import SHARES, Rows, Sentence, reference_of
from vatt_harmony.finetune.compare.markdown import counts, with_error
from vatt_harmony.finetune.compare.records import Record
from vatt_harmony.finetune.compare.statistics import paired
from vatt_harmony.finetune.train.result import mean_and_error
from vatt_harmony.web_page import assemble, inert

SCRIPTS = ("data", "charts", "main")
"""Of assets/, in the order in which they are read; together they are one script."""


def render(
    rows: Rows, figure: str, sentence: Sentence, notes: Sequence[str], modalities: Sequence[str], about: str
) -> str:
    """The whole page; `about`: its last line."""
    data = {
        "label": f"{figure}, %" if figure in SHARES else figure,
        "scale": 100 if figure in SHARES else 1,
        "digits": 1 if figure in SHARES else 4,
        "modalities": list(modalities),
        "reference": reference_of(rows),
        "rows": [_row(name, records, figure, modalities) for name, records in rows.items()],
        "differences": {name: {other: _difference(rows[name], rows[other], figure) for other in rows} for name in rows},
        "figures": _figures(rows),
        "footer": about,
    }
    parts = {
        "title": html.escape(str(sentence)),
        "lead": html.escape(sentence.lead),
        "strong": html.escape(sentence.strong),
        "rest": html.escape(sentence.rest),
        "first_note": html.escape(notes[0]),
        "notes": "".join(f"<p>{html.escape(note)}</p>" for note in notes[1:]),
        "data": inert(plain(data)),
    }
    return assemble("vatt_harmony.finetune.compare", SCRIPTS, parts)


def _row(name: str, records: Sequence[Record], figure: str, modalities: Sequence[str]) -> dict[str, Any]:
    values = [record.test[figure] for record in records]
    mean, error = mean_and_error(values)
    shapley = [mean_and_error([r.test.get(f"shapley/{m}", math.nan) for r in records]) for m in modalities]
    known = all(math.isfinite(value) for value, _ in shapley)
    return {
        "name": name,
        "seeds": [record.seed for record in records],
        "values": values,
        "mean": mean,
        "error": error,
        "clips": counts([record.items for record in records]),
        "updates": records[0].updates,
        "minutes": sum(record.seconds for record in records) / len(records) / 60,
        "curve": curve([record.curve for record in records], "epoch", f"validation/{figure}"),
        "distance": [point[:2] for point in curve([record.trace for record in records], "step", "distance")],
        "k": {
            m: [point[:2] for point in curve([record.trace for record in records], "step", f"k/{m}")]
            for m in modalities
        },
        "shapley": dict(zip(modalities, shapley, strict=True)) if known else None,
    }


def curve(lines: Sequence[Sequence[Any]], across: str, name: str) -> list[tuple[float, float, float]]:
    """Mean over seeds of a figure, with its standard error, at the places that all seeds have."""
    tables = [{line[across]: line[name] for line in own if math.isfinite(line.get(name, math.nan))} for own in lines]
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    return [(place, *mean_and_error([table[place] for table in tables])) for place in shared]


def _difference(first: Sequence[Record], second: Sequence[Record], figure: str) -> tuple[float, float, float] | None:
    found = paired(first, second, figure)
    return None if math.isnan(found.mean) else (found.mean, found.low, found.high)


def _figures(rows: Rows) -> list[tuple[str, list[str]]]:
    """Every test figure, with a cell for each row."""
    names = dict.fromkeys(name for records in rows.values() for name in records[0].test)
    told = []
    for name in names:
        values = [[record.test[name] for record in records if name in record.test] for records in rows.values()]
        told.append((name, [with_error("", own) if own else "" for own in values]))
    return told
