"""`align predict`: aligns prepared sequences and writes records, subtitles and the page."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from vatt_harmony.align.look.figures import on_page, overall, single
from vatt_harmony.align.look.film import Film, films, relative
from vatt_harmony.align.look.judged import Judged, Prediction, judge
from vatt_harmony.align.look.page import headline, render
from vatt_harmony.align.look.record import file_names, write_record
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, write_figures

PAGE = "index.html"
MEGABYTES = 24.0
"""Most space that copies of films take in the page."""


def write_predictions(
    predictions: Sequence[Prediction], out: Path, console: Console, media: bool = True
) -> list[Figure]:
    """Write for each alignment `NAME.json` and `NAME.srt`, and one page of all; the figures of all.

    `media`: whether the page shows the films. Raises UserError for a folder that cannot be written.
    """
    judged = [each for prediction in predictions for each in judge(prediction)]
    figures = overall(judged)
    try:
        out.mkdir(parents=True, exist_ok=True)
        shown, failures = _films(judged, out, console) if media else ({}, Counter())
        for each, name in zip(judged, file_names([each.name for each in judged]), strict=True):
            path = each.sequence.media
            write_record(each, relative(Path(path), out) if path else None, out, name)
        page = render(judged, shown, on_page(figures), [single(each) for each in judged])
        (out / PAGE).write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error}", "There is no alignment", "Choose another --out") from error
    lines = ["".join(headline(judged)), f"{out / PAGE}, {len(page.encode()) / 1e6:.1f} MB"]
    for line in [*lines, *(f"film left out of the page, {reason}: {count:,}" for reason, count in failures.items())]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return figures


def _films(judged: Sequence[Judged], out: Path, console: Console) -> tuple[dict[str, Film], Counter[str]]:
    """Films of alignments whose clips have times, each once."""
    wanted = {
        each.sequence.media: each.upper.spans
        for each in reversed(judged)
        if each.sequence.media and np.isfinite(each.upper.spans).all()
    }
    return films([(path, wanted[path]) for path in reversed(wanted)], out, MEGABYTES, console)
