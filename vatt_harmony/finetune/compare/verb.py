"""`finetune --compare`: trains every row, then writes the page, the table and the figures."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vatt_harmony.engine.launch import first_process
from vatt_harmony.figures import Figure, commit, write_figures
from vatt_harmony.finetune.compare.findings import Rows, find, notes, reference_of
from vatt_harmony.finetune.compare.markdown import markdown, table
from vatt_harmony.finetune.compare.page import render
from vatt_harmony.finetune.compare.rows import Row
from vatt_harmony.finetune.compare.run import compare, figure_of
from vatt_harmony.finetune.compare.statistics import by_row, paired
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.sets import load_set
from vatt_harmony.finetune.train.history import Epoch
from vatt_harmony.finetune.train.result import known, mean_and_interval
from vatt_harmony.finetune.verb import Lines

PAGE, TABLE = "compare.html", "compare.md"


def compare_verb(config: FinetuneConfig, names: Sequence[str], seeds: int, run: Path, json: Path | None) -> int:
    """Compare in the folder `run`; what an earlier start has recorded is not trained again."""

    def watch(row: Row, seed: int) -> Callable[[Epoch], None]:
        assert row.config is not None
        return Lines(row.config, f"{row.name}, seed {seed}  ").tell

    records = compare(config, names, seeds, run, watch)
    if not first_process():
        return 0
    rows, figure, modalities = by_row(records), figure_of(config), config.data.modalities
    sentence = find(rows, figure)
    labelled = load_set(config.data, config.task.kind)
    told = notes(rows, figure, [f"Data: {labelled.name}. {' '.join(labelled.notes)}".strip()])
    about = f"{labelled.name}, seeds {config.seed} to {config.seed + seeds - 1}, commit {commit() or 'unknown'}. "
    about += "Made by vatt-harmony finetune --compare; the page is one file and fetches nothing."
    (run / PAGE).write_text(render(rows, figure, sentence, told, modalities, about), encoding="utf-8")
    (run / TABLE).write_text(markdown(rows, figure, sentence, told, modalities), encoding="utf-8")
    _print(table(rows, figure, modalities))
    print(f"{sentence}\npage: {run / PAGE}")
    if json is not None:
        write_figures(figures(rows, figure), json)
    return 0


def _print(lines: Sequence[Sequence[str]]) -> None:
    shown = Table(box=None, pad_edge=False)
    for place, name in enumerate(lines[0]):
        shown.add_column(name, justify="right" if place else "left")
    for line in lines[1:]:
        shown.add_row(*line)
    Console().print(shown)


def figures(rows: Rows, figure: str) -> list[Figure]:
    """Of every row the test figure, and its difference from the reference, with 95 % intervals over seeds."""
    reference, told = reference_of(rows), []
    for name, records in rows.items():
        mean, low, high = map(known, mean_and_interval([record.test[figure] for record in records]))
        told.append(
            Figure(id=f"{name}/{figure}", name=f"{name}, test {figure}", value=mean, low=low, high=high, n=len(records))
        )
        if name != reference:
            found = paired(records, rows[reference], figure)
            told.append(
                Figure(
                    id=f"{name}-{reference}/{figure}",
                    name=f"{name} minus {reference}, test {figure}",
                    value=known(found.mean),
                    low=known(found.low),
                    high=known(found.high),
                    n=len(records),
                )
            )
    return told
