"""The figures of docs/study.md."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from vatt_harmony.demo.plots import FAULT_COLOURS
from vatt_harmony.scale.study.compare import mean
from vatt_harmony.scale.study.detect import Detection
from vatt_harmony.scale.study.observed import COLUMNS
from vatt_harmony.scale.study.protocol import CONTROLS, GROWTH_ARMS, LEVEL, LEVELS, PRIMARY
from vatt_harmony.scale.study.records import Record, read_clips, read_records
from vatt_harmony.scale.study.tables import at, growth

COLOURS = {"plain": "#7a8b99", PRIMARY: "#c0392b", CONTROLS[1]: "#e0a030", "realign": "#1f6fb2", "ledger": "#8e44ad"}


def draw(records: Path, out: Path, detections: dict[str, Detection]) -> None:
    """Write learning.png, faults.png and cosines.png into `out`.

    detections: what the wrong are searched among -> result.
    """
    found = read_records(records)
    _save(_learning(found), out / "learning.png")
    _save(_faults(detections), out / "faults.png")
    _save(_cosines(records), out / "cosines.png")


def _learning(records: Sequence[Record]) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    arms, levels, grown = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
    names = sorted(
        dict.fromkeys(r["arm"] for r in records if r["share"] == LEVEL and "SGD" not in r["arm"]),
        key=lambda arm: mean(list(at(records, arm, LEVEL).values())).value,
    )
    centres = [mean(list(at(records, arm, LEVEL).values())) for arm in names]
    arms.errorbar([m.value for m in centres], names, xerr=[m.error for m in centres], fmt="o", color="#30343b", ms=4)
    arms.tick_params(axis="y", labelsize=7)
    arms.set_title("30 % of clips struck", fontsize=9)
    arms.set_xlabel("text-to-video R@1, mean ± s.e.", fontsize=8)
    for arm, colour in COLOURS.items():
        points = {share: at(records, arm, share) for share in sorted((LEVEL, *LEVELS))}
        means = {share: mean(list(seeds.values())) for share, seeds in points.items() if seeds}
        x, y = [100 * share for share in means], [m.value for m in means.values()]
        levels.errorbar(x, y, [m.error for m in means.values()], label=arm, color=colour, marker="o", ms=3)
    levels.set_xlabel("clips struck, %", fontsize=8)
    levels.legend(frameon=False, fontsize=7)
    for arm in GROWTH_ARMS:
        grows = growth(records, arm)
        y = [m.value for m in grows.values()]
        errors = [m.error for m in grows.values()]
        grown.errorbar(list(grows), y, errors, label=arm, color=COLOURS[arm], marker="o", ms=3)
    grown.set_xlabel("noisy clips for each clean one", fontsize=8)
    return figure


def _faults(detections: dict[str, Detection]) -> Figure:
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    for axes, (others, detection) in zip(
        figure.subplots(1, len(detections), sharey=True), detections.items(), strict=True
    ):
        names = list(detection.areas)[::-1]
        areas = [detection.areas[name] for name in names]
        reach = [[a.value - a.low for a in areas], [a.high - a.value for a in areas]]
        axes.errorbar([a.value for a in areas], names, xerr=reach, fmt="o", color="#30343b", ms=4)
        axes.axvline(0.5, color="#bbbbbb", linewidth=0.8)
        axes.set_title(f"wrong against {others}", fontsize=9)
        axes.set_xlabel("area under ROC", fontsize=8)
        axes.tick_params(axis="y", labelsize=8)
    return figure


def _cosines(records: Path) -> Figure:
    columns, faults = read_clips(records)
    figure = Figure(figsize=(9, 3), layout="constrained")
    for axes, (column, title) in zip(
        figure.subplots(1, 2), (("cosine_last", "one visit"), ("cosine", "mean of a clip's visits")), strict=True
    ):
        values = columns[:, COLUMNS.index(column)]
        low, high = np.nanquantile(values, [0.001, 0.999]).tolist()
        edges = np.linspace(low, high, 40).tolist()
        for fault, colour in FAULT_COLOURS.items():
            if not (faults == fault).any():
                continue
            label = fault or "clean"
            axes.hist(values[faults == fault], edges, histtype="step", density=True, label=label, color=colour)
        axes.axvline(0, color="#bbbbbb", linewidth=0.8)
        axes.set_title(f"cosine, {title}", fontsize=9)
        axes.set_yticks([])
    axes.legend(frameon=False, fontsize=7)
    return figure


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
