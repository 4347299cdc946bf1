"""Retrieval results as figures for programs and as a table for people."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from vatt_harmony.downstream.intervals import recall_interval
from vatt_harmony.downstream.retrieval import Retrieval
from vatt_harmony.figures import Figure

RECALLS = (1, 5, 10)
Results = Mapping[str, Retrieval | None]


def retrieval_figures(results: Results, prefix: str = "retrieval", seed: int = 0) -> list[Figure]:
    """R@1, R@5, R@10 (fractions, 95 % bootstrap intervals over clips) and the median rank of every direction.

    A direction that was not measured has figures without a value.
    """
    figures: list[Figure] = []
    for direction, result in results.items():
        name = direction.replace("_", " ")
        for k in RECALLS:
            interval = recall_interval(result, k, seed) if result else None
            figures.append(
                Figure(
                    id=f"{prefix}.{direction}.R@{k}",
                    name=f"{name} R@{k}",
                    value=interval.value if interval else None,
                    low=interval.low if interval else None,
                    high=interval.high if interval else None,
                    n=interval.n if interval else None,
                )
            )
        figures.append(
            Figure(
                id=f"{prefix}.{direction}.median_rank",
                name=f"{name} median rank",
                value=result.median_rank if result else None,
                n=len(result.keys) if result else None,
            )
        )
    return figures


def print_retrieval(results: Results, console: Console | None = None) -> None:
    """Print a table with one line a direction: recalls in percent, n/a for what was not measured."""
    table = Table(box=None, pad_edge=False)
    for column in ("direction", *(f"R@{k} %" for k in RECALLS), "median rank", "chance R@1 %", "clips"):
        table.add_column(column, justify="left" if column == "direction" else "right")
    for direction, result in results.items():
        cells = ["n/a"] * (len(RECALLS) + 3)
        if result is not None:
            cells = [f"{100 * result.recall(k):.1f}" for k in RECALLS]
            cells += [f"{result.median_rank:g}", f"{100 * result.chance(1):.2f}", str(len(result.keys))]
        table.add_row(direction.replace("_", " "), *cells)
    (console or Console()).print(table)
