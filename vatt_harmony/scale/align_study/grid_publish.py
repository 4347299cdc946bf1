"""A finished study on GRID films as a few files: its records, its tables and a plot."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from vatt_harmony.scale.align_study.grid_protocol import PUBLISHED, WINDOW
from vatt_harmony.scale.align_study.grid_records import FILE, Record, read
from vatt_harmony.scale.align_study.grid_sequences import SHOWN
from vatt_harmony.scale.align_study.grid_tables import RIVALS, markdown, mean

TABLES, PLOT = "grid-tables.md", "grid.png"
COLOURS = {PUBLISHED: "#1f6fb2", WINDOW: "#c0392b"}
_OTHERS = "#30343b"
ABOUT = """# Films of GRID clips: tables

Percent, mean over the test films and its 95 % bootstrap interval over films; differences are of clip accuracy, paired
by film. The oracle is the truth, as far as whole pieces tell it.
"""


def publish(records: Path, out: Path) -> None:
    """Write grid.jsonl, grid-tables.md and grid.png of the finished study in `records` into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(records / FILE, out / FILE)
    found = read(records)
    (out / TABLES).write_text(f"{ABOUT}\n{markdown(found)}")
    _drawn(found).savefig(out / PLOT, dpi=110, metadata={"Software": None})


def _drawn(records: Sequence[Record]) -> Figure:
    """Clip accuracy of every method, for both kinds of features."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    methods = sorted((*RIVALS, PUBLISHED, WINDOW), key=lambda method: mean(records, method, SHOWN[-1]).value)
    for axes, shown in zip(figure.subplots(1, len(SHOWN), sharey=True, sharex=True), SHOWN, strict=True):
        for method in methods:
            found, colour = mean(records, method, shown), COLOURS.get(method, _OTHERS)
            reach = [[found.value - found.low], [found.high - found.value]]
            axes.errorbar([found.value], [method], xerr=reach, fmt="o", color=colour, ms=4)
        axes.set_title(shown, fontsize=9)
        axes.set_xlabel("clip accuracy, %, 95 % over films", fontsize=8)
        axes.tick_params(axis="y", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
