"""What the alignments of a run are worth, for the page, the terminal and other programs."""

import math
from collections.abc import Sequence

from vatt_harmony.align.look.judged import Judged
from vatt_harmony.align.metrics import Scores, scores
from vatt_harmony.align.table import table_of
from vatt_harmony.align.table_report import percent_figure
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure

SHOWN = {
    "accuracy": "clip accuracy",
    "iou": "sentence IoU",
    "null_precision": "null clips, precision",
    "null_recall": "null clips, recall",
    "pairs_f1": "pairs, F1",
}
"""Field of `Scores` to its name."""


def overall(judged: Sequence[Judged]) -> list[Figure]:
    """Counts of all alignments; of those whose truth is known means over films, with intervals, in percent."""
    clips = sum(len(each.upper) for each in judged)
    alone = sum(not partners for each in judged for partners in each.found[0])
    silent = sum(not partners for each in judged for partners in each.found[1])
    return [
        Figure(id="predict.sequences", name="sequences aligned", value=len(judged)),
        Figure(id="predict.clips", name="clips", value=clips),
        Figure(id="predict.null_clips", name="clips without a sentence", value=alone),
        Figure(id="predict.null_sentences", name="sentences without a clip", value=silent),
        *_measured([each for each in judged if _scored(each) is not None]),
    ]


def single(judged: Judged) -> dict[str, str]:
    """What a page says about one alignment."""
    found = _scored(judged)
    told = {} if found is None else {name: _short(getattr(found, field)) for field, name in SHOWN.items()}
    alone = sum(not partners for partners in judged.found[0])
    return {**{name: value for name, value in told.items() if value}, "without a partner": f"{alone:,}"}


def on_page(figures: Sequence[Figure]) -> dict[str, str]:
    """The measured ones of `overall`, to be read."""
    return {figure.name: _interval(figure) for figure in figures if figure.n is not None}


def _measured(known: Sequence[Judged]) -> list[Figure]:
    if not known:
        return []
    table = table_of({"aligned": [each.owners for each in known]}, [each.sequence for each in known])
    rows = [(field, name, table.intervals(field)["aligned"]) for field, name in SHOWN.items()]
    return [percent_figure(f"predict.{field}", name, mean) for field, name, mean in rows if mean.n]


def _scored(judged: Judged) -> Scores | None:
    try:
        return scores(judged.sequence, judged.owners)
    except UserError:  # no truth: the page says so
        return None


def _short(value: float) -> str:
    return f"{100 * value:.0f} %" if math.isfinite(value) else ""


def _interval(figure: Figure) -> str:
    assert figure.value is not None
    if figure.low is None or figure.high is None:
        return f"{figure.value:.1f} %"
    return f"{figure.value:.1f} % ({figure.low:.1f} … {figure.high:.1f})"
