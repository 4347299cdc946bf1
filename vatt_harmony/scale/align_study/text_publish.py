"""The finished studies on text as a few files: records, tables and plots."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vatt_harmony.scale.align_study.text_protocol import COMPARED, LITTLE, PUBLISHED, SHARES, SMALL, TABLE_7, WINDOW
from vatt_harmony.scale.align_study.text_records import FILE, Record, read
from vatt_harmony.scale.align_study.text_tables import RIVALS, column, markdown, mean, movement

TABLES, COMPARISON, CURVES, MOVEMENT = "text-tables.md", "text.png", "little-data.png", "movement.png"
ABOUT = """# Alignment on text: tables

Percent, mean over the test videos and its 95 % bootstrap interval over videos, of means over seeds; differences are of
clip accuracy, paired by video. *validation* is clip accuracy on the validation videos. The oracle is the truth.
"""
COLOURS = {PUBLISHED: "#1f6fb2", WINDOW: "#c0392b"}
_OTHERS = "#30343b"


def publish(records: Path, out: Path) -> None:
    """Write the records, tables and plots of the finished studies in `records` into `out`, which may be the same."""
    out.mkdir(parents=True, exist_ok=True)
    if records.resolve() != out.resolve():
        shutil.copyfile(records / FILE, out / FILE)
    found = read(records)
    (out / TABLES).write_text(f"{ABOUT}\n{markdown(found)}")
    for name, drawn in ((COMPARISON, comparison), (CURVES, curves), (MOVEMENT, movements)):
        drawn(found).savefig(out / name, dpi=110, metadata={"Software": None})


def comparison(records: Sequence[Record]) -> Figure:
    """Clip accuracy of every method on each data set."""
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    methods = sorted((*RIVALS, PUBLISHED, WINDOW), key=lambda method: mean(records, COMPARED[0], method).value)
    for axes, data in zip(figure.subplots(1, len(COMPARED), sharey=True), COMPARED, strict=True):
        for method in methods:
            found, colour = mean(records, data, method), COLOURS.get(method, _OTHERS)
            reach = [[found.value - found.low], [found.high - found.value]]
            axes.errorbar([found.value], [method], xerr=reach, fmt="o", color=colour, ms=4)
        _plain(axes, data, "clip accuracy, %, 95 % over videos")
    return figure


def curves(records: Sequence[Record]) -> Figure:
    """Clip accuracy of every arm over the share of the training videos, each seed a dot."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for place, arm in enumerate(LITTLE):
        every = [column(records, SMALL, arm, share=share) for share in SHARES]
        x = 100 * np.array(SHARES) * 1.02 ** (place - len(LITTLE) / 2)
        axes.plot(x, [np.mean(each.by_seed) for each in every], "-", color=f"C{place}", label=arm)
        for at, each in zip(x, every, strict=True):
            axes.plot([at] * len(each.by_seed), each.by_seed, ".", ms=4, color=f"C{place}", alpha=0.6)
    axes.set_xscale("log")
    axes.set_xticks([100 * share for share in SHARES], [f"{100 * share:g}" for share in SHARES])
    axes.set_ylabel("clip accuracy, %", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    _plain(axes, "HM-2, little data", "training videos, %")
    return figure


def movements(records: Sequence[Record]) -> Figure:
    """Mean change of each part by an update, relative to its norm, over epochs, for the presets of Table 7."""
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    parts = list(dict.fromkeys(part for arm in TABLE_7 for part in movement(records, arm)))
    grid = figure.subplots(2, -(-len(TABLE_7) // 2), sharex=True, sharey=True)
    for axes, arm in zip(grid.flat, TABLE_7, strict=True):
        for part, values in movement(records, arm).items():
            axes.plot(np.arange(1, len(values) + 1), values, "o-", ms=3, color=f"C{parts.index(part)}", label=part)
        axes.set_yscale("log")
        axes.xaxis.get_major_locator().set_params(integer=True)
        _plain(axes, arm, "epoch")
    grid[0, 0].set_ylabel("change / norm, by an update", fontsize=8)
    lines = {line.get_label(): line for axes in grid.flat for line in axes.lines}
    figure.legend(handles=list(lines.values()), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _plain(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(below, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
