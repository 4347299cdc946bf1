"""Small plots as inline SVG, by matplotlib."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

FAULT_COLOURS = {
    "": "#7a8b99",
    "hard": "#e0a030",
    "caption swapped": "#c0392b",
    "half wrong": "#8e44ad",
    "sound swapped": "#1f6fb2",
}
Curve = Sequence[tuple[int, float]]


def loss_plot(curves: Mapping[str, Curve]) -> str:
    """One line for each named curve of (step, loss)."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(frameon=False, fontsize=8)
    return _svg(figure)


def cosine_plot(cosines: Mapping[str, Sequence[float]]) -> str:
    """Distribution of the samples' mean cosines for each fault, each with area 1."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    values = [value for part in cosines.values() for value in part]
    if values:
        edges = np.linspace(min(values), max(max(values), min(values) + 1e-6), 25).tolist()
        for fault in sorted(cosines):
            label, colour = fault or "clean", FAULT_COLOURS.get(fault)
            axes.hist(cosines[fault], edges, histtype="step", density=True, label=label, color=colour, linewidth=1.4)
        axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel("mean cosine between the gradients of a sample's losses")
    axes.set_ylabel("density")
    return _svg(figure)


def _svg(figure: Figure) -> str:
    """The drawing itself, without the XML head, so that it can stand inside HTML."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]
