"""A table of methods as figures for programs and as a page of text for people."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from vatt_harmony.align.table import Table
from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.figures import Figure

TITLES = {
    "accuracy": "clip accuracy",
    "iou": "sentence IoU",
    "null_precision": "null precision",
    "null_recall": "null recall",
    "null_text_precision": "null sentence precision",
    "null_text_recall": "null sentence recall",
    "clips_right": "clips right",
    "sentences_right": "sentences right",
    "pairs_precision": "pair precision",
    "pairs_recall": "pair recall",
    "pairs_f1": "pair F1",
}
"""Metric -> its name; every field of `Scores`."""
HEADINGS = {
    "null_precision": "null P",
    "null_recall": "R",
    "null_text_precision": "null text P",
    "null_text_recall": "R",
    "clips_right": "clips",
    "sentences_right": "sentences",
    "pairs_f1": "pair F1",
}
"""Metric -> its narrow name, of those in the second half of the printed table."""
FURTHER = """
P, R: precision and recall of null clips and null texts; clips, sentences: share with exactly their partners;
pair F1: of pairs by number; pooled: clip accuracy and sentence IoU over all films as if they were one"""


def table_figures(table: Table, reference: str | None) -> list[Figure]:
    """Percent: for each method and metric the mean over films, the pooled value, and what `reference` is ahead by."""
    figures = []
    for metric in TITLES:
        leads = {} if reference is None else table.differences(metric, reference)
        for method, interval in table.intervals(metric).items():
            title, name = TITLES[metric], f"align.{method}.{metric}"
            figures.append(percent_figure(name, f"{method}, {title}", interval))
            pooled = getattr(table.pooled[method], metric)
            figures.append(
                Figure(id=f"{name}.pooled", name=f"{method}, {title}, pooled", value=_percent(pooled), unit="%")
            )
            if method in leads:
                figures.append(percent_figure(f"{name}.lead", f"{reference} minus {method}, {title}", leads[method]))
    return figures


def percent_figure(name: str, title: str, interval: Interval) -> Figure:
    """A share as percent; what is not known of it, such as the ends of an interval over one film, is None."""
    low, high = _percent(interval.low), _percent(interval.high)
    return Figure(id=name, name=title, value=_percent(interval.value), unit="%", low=low, high=high, n=interval.n)


def print_table(table: Table, reference: str | None, console: Console) -> None:
    """Print what is right, with intervals and what `reference` is ahead by; then what is null, and pooled values."""
    films = len(set(table.groups))
    sure = "mean over films, 95 % bootstrap over films" if films > 1 else "one film: no intervals"
    told = [f"sequences: {len(table.groups)}, films: {films}; percent, {sure}"]
    if reference is not None:
        told.append(f"ahead: {reference} minus the row, clip accuracy, paired by film")
    console.print("\n".join(told), highlight=False, soft_wrap=True)
    console.print(_right(table, reference))
    console.print(FURTHER, highlight=False, soft_wrap=True)
    console.print(_further(table))


def _right(table: Table, reference: str | None) -> Grid:
    intervals = {metric: table.intervals(metric) for metric in ("accuracy", "iou")}
    leads = {} if reference is None else table.differences("accuracy", reference)
    columns = ("accuracy", "IoU", "ahead") if reference else ("accuracy", "IoU")
    sure = len(set(table.groups)) > 1
    grid = _grid("method", *(name for column in columns for name in ((column, "95 %") if sure else (column,))))
    for method in table.scores:
        cells = [_cells(each[method]) for each in intervals.values()]
        if reference is not None:
            cells.append(_cells(leads[method], "+") if method in leads else ["", ""])
        grid.add_row(method, *(text for cell in cells for text in (cell if sure else cell[:1])))
    return grid


def _further(table: Table) -> Grid:
    """The other metrics that the data has, means over films, and the two first ones over all films as one."""
    means = {metric: table.intervals(metric) for metric in HEADINGS}
    known = [metric for metric, each in means.items() if any(interval.n for interval in each.values())]
    grid = _grid("method", *(HEADINGS[metric] for metric in known), "pooled", "IoU")
    for method, pooled in table.pooled.items():
        cells = [means[metric][method].value for metric in known] + [pooled.accuracy, pooled.iou]
        grid.add_row(method, *map(_cell, cells))
    return grid


def _grid(first: str, *others: str) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    grid.add_column(first, no_wrap=True)
    for name in others:
        grid.add_column(name, justify="right")
    return grid


def _cells(interval: Interval, sign: str = "") -> Sequence[str]:
    """The value, and its interval if there is one."""
    if interval.n == 0:
        return ["n/a", ""]
    if interval.n == 1:
        return [_cell(interval.value, sign), ""]
    return [_cell(interval.value, sign), f"{_cell(interval.low, sign)}…{_cell(interval.high, sign)}"]


def _cell(value: float, sign: str = "") -> str:
    return f"{100 * value:{sign}.1f}" if np.isfinite(value) else "n/a"


def _percent(value: float) -> float | None:
    return 100 * value if np.isfinite(value) else None
