"""Figures a verb reports: one record each, as JSON for programs and as a table for people."""

import json
import operator
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

_COMPARE = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "<": operator.lt, ">": operator.gt}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure. `value` None means: not run, and then it does not hold."""

    id: str
    """Row of the benchmark table ("01.5", "01.6b")."""
    name: str
    value: float | None
    unit: str = ""
    goal: str = ""
    """Such as "<= 1.05"; empty when the figure is only published."""
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    n: int | None = None
    """Observations behind the value."""

    @property
    def holds(self) -> bool:
        """Whether `value` meets `goal`; a published figure holds when it was measured."""
        if self.value is None:
            return False
        if not self.goal:
            return True
        sign, bound = self.goal.split()
        return bool(_COMPARE[sign](self.value, float(bound)))


def commit() -> str:
    """The commit of the checkout this package runs from, "" outside one."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def write_figures(figures: Sequence[Figure], path: Path) -> None:
    """Write `{"figures": [...]}` to `path`, each with the command line and commit that produced it."""
    command, revision = "vatt-harmony " + " ".join(sys.argv[1:]), commit()
    rows = [{**asdict(f), "holds": f.holds, "command": command, "commit": revision} for f in figures]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"figures": rows}, indent=2) + "\n")


def print_figures(figures: Sequence[Figure], console: Console | None = None) -> None:
    """Print the figures as a table; goals only where a figure has one."""
    table = Table(box=None, pad_edge=False)
    goals = any(f.goal for f in figures)
    for column in ("id", "figure", "value", "95 %", *(("goal", "holds") if goals else ())):
        table.add_column(column, justify="right" if column in ("value", "95 %") else "left")
    for f in figures:
        value = "not run" if f.value is None else f"{f.value:.6g} {f.unit}".strip()
        interval = "" if f.low is None or f.high is None else f"{f.low:.4g} … {f.high:.4g}"
        table.add_row(f.id, f.name, value, interval, *((f.goal, "yes" if f.holds else "NO") if goals else ()))
    (console or Console()).print(table)
