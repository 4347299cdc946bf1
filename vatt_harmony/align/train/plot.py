"""The analysis of a training as one picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vatt_harmony.align.train.history import Epoch

PANELS = {
    "movement": "‖Δp‖ / ‖p‖ of an update",
    "stack mean": "channel means of the stacks (root mean square)",
    "stack deviation": "channel deviations of the stacks (mean)",
    "loss": "loss in evaluation mode",
}


def draw(history: Sequence[Epoch]) -> Figure:
    """A panel for each group of figures, a line for each figure over the epochs."""
    figure = Figure(figsize=(12, 6.5), layout="constrained")
    for (group, title), axes in zip(PANELS.items(), figure.subplots(2, 2).flat, strict=True):
        names = list(dict.fromkeys(name for epoch in history for name in epoch if name.startswith(group + "/")))
        for name in names:
            points = [(epoch["epoch"], epoch[name]) for epoch in history if name in epoch]
            axes.plot(*zip(*points, strict=True), label=name.partition("/")[2], linewidth=1.2, marker=".", ms=3)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if group == "movement":
            axes.set_yscale("log")
        if names:
            axes.legend(frameon=False, fontsize=7)
    return figure


def save_plot(history: Sequence[Epoch], path: Path) -> NDArray[np.uint8]:
    """Write the picture as PNG; its pixels uint8 `[H, W, 3]`."""
    figure = draw(history)
    canvas = FigureCanvasAgg(figure)
    figure.savefig(path, dpi=100)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
