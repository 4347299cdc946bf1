"""`align predict`: aligns prepared sequences and writes records, subtitles and the page."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from vatt_harmony.align.decode import Prediction, predict_all
from vatt_harmony.align.look.figures import on_page, overall, single
from vatt_harmony.align.look.film import Film, films, relative
from vatt_harmony.align.look.judged import Judged, judge
from vatt_harmony.align.look.page import headline, render
from vatt_harmony.align.look.record import file_names, write_record
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.align.trained import decoding, load_aligner, read_split
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, print_figures, write_figures

PAGE = "index.html"
MEGABYTES = 24.0
"""Most space that copies of films take in the page."""


def predict_verb(options: argparse.Namespace) -> int:
    """Align the sequences of a split and tell where to look; 0. Raises UserError where model or data are missing."""
    console = Console()
    decode = decoding(options.model, options.method, options.beam)
    sequences = read_split(options.data, options.split)
    model = load_aligner(options.model, options.device)
    predictions = predict_all(model, sequences, decode)
    figures = write_predictions(sequences, predictions, options.out, console, media=not options.no_media)
    print_figures(figures, console)
    if options.json:
        write_figures(figures, options.json)
    return 0


def write_predictions(
    sequences: Sequence[AlignmentSequence],
    predictions: Sequence[Prediction],
    out: Path,
    console: Console,
    *,
    media: bool = True,
) -> list[Figure]:
    """Write for each alignment `NAME.json` and `NAME.srt`, and one page of all; the figures of all.

    `media`: whether the page shows the films. Raises UserError for a folder that cannot be written.
    """
    judged = [each for pair in zip(sequences, predictions, strict=True) for each in judge(*pair)]
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
    for line in [*lines, *(f"films left out of the page, {reason}: {count:,}" for reason, count in failures.items())]:
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
