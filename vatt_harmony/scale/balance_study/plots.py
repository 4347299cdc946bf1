"""The figures of docs/balancing.md: accuracy of every arm, k over the run, probes of the encoders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.scale.balance_study.arms import ALONE, JOINT, MULTILOSS, arms, family
from vatt_harmony.scale.balance_study.compare import Table, output, probed, table_of
from vatt_harmony.scale.balance_study.data import TASKS
from vatt_harmony.scale.balance_study.records import Record
from vatt_harmony.scale.balance_study.tables import accuracy, weaker_modality
from vatt_harmony.scale.balance_study.task import MODALITIES, PICTURE, SOUND

COLOURS = {"mlb": "#c0392b", MULTILOSS: "#1f6fb2", JOINT: "#7a8b99", ALONE: "#e0a030", "constant": "#8e44ad"}
_OTHERS = "#30343b"
_TICKS = (0.5, 1, 2, 5, 10)
_OF_MODALITY = {PICTURE: "#1f6fb2", SOUND: "#c0392b"}
FADING = ("mlb grad, SGD", "mlb lr, AdamW", "mlb-faithful, Adam")
PROBED = ("alone, SGD", "joint, SGD", "multiloss, SGD", "mlb grad, SGD", "alone, AdamW", "joint, AdamW",
          "multiloss, AdamW", "mlb lr, AdamW", "mlb-faithful, Adam")  # fmt: skip


def draw(records: Sequence[Record], out: Path) -> None:
    """Write accuracy.png, coefficients.png and probes.png into `out`."""
    table = table_of(records)
    for name, figure in (
        ("accuracy", _accuracy(table)),
        ("coefficients", _coefficients(table)),
        ("probes", _probes(table)),
    ):
        figure.savefig(out / f"{name}.png", dpi=100, metadata={"Software": None})


def _accuracy(table: Table) -> Figure:
    figure = Figure(figsize=(12, 7), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(TASKS)), TASKS, strict=True):
        points = _points(table, task)
        for name in sorted(points, key=lambda name: points[name].value):
            _point(axes, points[name], name, COLOURS.get(name.split(",")[0].split(" ")[0].split("-")[0], _OTHERS))
        for joint, style in ((family("SGD", JOINT), "-"), (family("AdamW", JOINT), ":")):
            axes.axvline(points[joint].value, color=COLOURS[JOINT], lw=0.8, ls=style)
        axes.set_title(task, fontsize=9)
        axes.set_xlabel("test accuracy, %, 95 % over clips and seeds", fontsize=8)
        axes.tick_params(labelsize=7)
    return figure


def _points(table: Table, task: str) -> dict[str, Interval]:
    """Name in the plot -> accuracy; the weaker modality alone is far below and left out."""
    known = {arm for of, arm, _, _ in table if of == task}
    found: dict[str, Interval] = {}
    for arm in arms():
        if arm.name not in known:
            continue
        if arm.rule == ALONE:
            best = next(m for m in MODALITIES if m != weaker_modality(table, task))
            found[f"alone {best}, {arm.optimizer}"] = accuracy(table, task, arm.name, output(best))
            found[f"alone ensemble, {arm.optimizer}"] = accuracy(table, task, arm.name, output("ensemble"))
        else:
            found[arm.name] = accuracy(table, task, arm.name)
    return found


def _coefficients(table: Table) -> Figure:
    """k of both modalities, and below how far they are from 1."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    above, below = figure.subplots(2, len(TASKS), sharex=True)
    for top, bottom, task in zip(above, below, TASKS, strict=True):
        for arm, style in zip(FADING, ("-", ":", "--"), strict=True):
            own = [record for (of, name, _, _), record in table.items() if (of, name) == (task, arm)]
            part = 10 * np.arange(len(own[0].k)) + 5
            for m, k in zip(MODALITIES, np.mean([record.k for record in own], 0).T, strict=True):
                top.plot(part, k, style, color=_OF_MODALITY[m], label=f"{m}, {arm}")
            bottom.plot(part, np.mean([record.deviation for record in own], (0, 2)), style, color=_OTHERS, label=arm)
        top.axhline(1, color="#bbbbbb", lw=0.8)
        top.set_title(task, fontsize=9)
        top.set_yscale("log")
        top.set_yticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
        top.minorticks_off()
        top.set_ylim(0.4, 10)
        bottom.set_ylim(bottom=0)
        bottom.set_xlabel("share of the steps, %", fontsize=8)
    above[0].set_ylabel("k", fontsize=8)
    below[0].set_ylabel("mean |k - 1|", fontsize=8)
    above[1].legend(frameon=False, fontsize=6)  # where nothing is in its way
    below[0].legend(frameon=False, fontsize=6)
    return figure


def _probes(table: Table) -> Figure:
    figure = Figure(figsize=(11, 5), layout="constrained")
    grid = figure.subplots(len(MODALITIES), len(TASKS), sharey=True)
    for row, m in zip(grid, MODALITIES, strict=True):
        for axes, task in zip(row, TASKS, strict=True):
            for name in reversed(PROBED):
                found = accuracy(table, task, name, probed(m))
                _point(axes, found, name, COLOURS.get(name.split(",")[0].split(" ")[0].split("-")[0], _OTHERS))
            axes.set_title(f"{task}: {m} encoder", fontsize=8)
            axes.tick_params(labelsize=7)
    for axes in grid[-1]:
        axes.set_xlabel("probe's test accuracy, %", fontsize=8)
    return figure


def _point(axes: Axes, found: Interval, name: str, colour: str) -> None:
    reach = [[found.value - found.low], [found.high - found.value]]
    axes.errorbar([found.value], [name], xerr=reach, fmt="o", color=colour, ms=4)
    axes.spines[["top", "right"]].set_visible(False)
