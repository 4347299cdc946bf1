"""A suite is a tuple of rows; a row is a function that measures figures, and what they are called before it ran."""

import logging
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says about how rows are measured."""

    data: Path | None = None
    """Folder of real media; None where there is none."""
    pairs: int = 5
    """Interleaved repetitions of a comparison of times."""
    batch: int = 16
    """Samples a step of such a comparison."""

    def __post_init__(self) -> None:
        for name in ("pairs", "batch"):
            if getattr(self, name) < 1:
                raise UserError(
                    f"--{name} is {getattr(self, name)}", "Nothing could be measured", f"Give --{name} 1 or more"
                )


class NotRun(Exception):
    """A row cannot be measured here; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a benchmark table."""

    id: str
    title: str
    takes: str
    """How long it takes on 2 CPU cores, told beforehand."""
    measures: tuple[Figure, ...]
    """Its figures before they are measured: value None."""
    run: Callable[[Options], Sequence[Figure]]
    """Gives `measures` with their values; raises NotRun."""


def measures(row: str, *told: tuple[str, str, str]) -> tuple[Figure, ...]:
    """Figures `row`a, `row`b … (a single one: `row`) from their (name, goal, unit), not measured yet."""
    ids = [row] if len(told) == 1 else [row + letter for letter in string.ascii_lowercase[: len(told)]]
    return tuple(
        Figure(id=i, name=name, value=None, goal=goal, unit=unit)
        for i, (name, goal, unit) in zip(ids, told, strict=True)
    )


def measured(figures: Sequence[Figure], *values: float, n: int | None = None) -> list[Figure]:
    """The figures with their values, in order."""
    return [replace(figure, value=value, n=n) for figure, value in zip(figures, values, strict=True)]


def select(rows: Sequence[Row], only: str | None) -> list[Row]:
    """The rows named in `only` ("01.5,01.11"), all if None, in the order of the suite; raises UserError for others."""
    if only is None:
        return list(rows)
    wanted = [name.strip() for name in only.split(",")]
    unknown = [name for name in wanted if name not in {row.id for row in rows}]
    if unknown:
        raise UserError(
            f"--only names {', '.join(unknown)}, which this suite does not have",
            "Nothing was measured",
            f"Its rows are {', '.join(row.id for row in rows)}",
        )
    return [row for row in rows if row.id in wanted]


def run_rows(rows: Sequence[Row], options: Options, console: Console) -> list[Figure]:
    """Measure one row after the other; a row that cannot run leaves its figures without values, with the reason."""
    figures: list[Figure] = []
    for row in rows:
        console.print(f"{row.id}: {row.title} (takes {row.takes})", markup=False, highlight=False)
        started = time.monotonic()
        try:
            figures += row.run(options)
        except (NotRun, UserError) as reason:
            console.print(f"{row.id} was not run: {reason}", markup=False, highlight=False)
            figures += row.measures
        except Exception:  # the other rows are still wanted
            log.exception("%s was not run", row.id)
            figures += row.measures
        else:
            console.print(f"{row.id}: done in {time.monotonic() - started:.0f} s", markup=False, highlight=False)
    return figures
