"""The finished study on ESC-10 as a few files: its records, its tables and a plot."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from vatt_harmony.scale.esc_study.protocol import ARMS, PRETRAINED, SCRATCH
from vatt_harmony.scale.esc_study.records import FILE, Record, planned, read
from vatt_harmony.scale.esc_study.tables import accuracy, answers_of, markdown

TABLES, PLOT = "esc10-tables.md", "esc10.png"
OURS, OTHERS, FROM_SCRATCH = "#1f6fb2", "#30343b", "#c0392b"
ABOUT = """# ESC-10: tables

Percent of 318 sounds, with 95 % bootstrap intervals over recordings and seeds; differences are paired by seed and
sound. Below: what was tuned for each test fold, and the accuracy on the validation fold that chose it.
"""


def publish(records: Path, out: Path) -> None:
    """Write esc10.jsonl, esc10-tables.md and esc10.png of the finished study in `records` into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    if out.resolve() != records.resolve():
        shutil.copyfile(records / FILE, out / FILE)
    found = read(records)
    (out / TABLES).write_text(f"{ABOUT}\n{markdown(found)}")
    _drawn(planned(found)).savefig(out / PLOT, dpi=110, metadata={"Software": None})


def _drawn(records: Sequence[Record]) -> Figure:
    """Accuracy of every arm, with the seeds as small marks."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    for arm in reversed(ARMS):
        found = accuracy(records, arm)
        colour = OURS if arm in PRETRAINED else FROM_SCRATCH if arm == SCRATCH else OTHERS
        reach = [[found.value - found.low], [found.high - found.value]]
        axes.errorbar([found.value], [arm.name], xerr=reach, fmt="o", color=colour, ms=5)
        seeds = 100 * answers_of(records, arm).right.mean(axis=1)
        axes.plot(seeds, [arm.name] * len(seeds), "|", color=colour, ms=9)
    axes.set_xlabel("accuracy on ESC-10, %; 95 % over recordings and seeds", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
