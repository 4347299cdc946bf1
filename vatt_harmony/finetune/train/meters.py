"""Means of what training steps report: of an epoch, and of up to a thousand stretches of the run."""

import math
from collections.abc import Mapping
from typing import Any

Figures = dict[str, float]
LOSS = "fused_loss"
LINES = 1000
"""Most stretches of a run."""


class Means:
    """Means of named figures. One that is not finite is left out, so that a modality that is absent now and then has
    a mean; but a loss that is not finite stays so."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, figures: Mapping[str, float]) -> None:
        """Take note of one micro-batch."""
        for name, value in figures.items():
            if math.isfinite(value) or name == LOSS:
                self._sums[name] = self._sums.get(name, 0.0) + value
                self._counts[name] = self._counts.get(name, 0) + 1

    def pop(self) -> Figures:
        """The means since the last call."""
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means

    def state_dict(self) -> dict[str, Any]:
        """Sums and counts."""
        return {"sums": dict(self._sums), "counts": dict(self._counts)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])


class Meters:
    """The figures of a training: means of the present epoch, and `trace`, a line for every stretch of steps."""

    def __init__(self, steps: int) -> None:
        """`steps`: of the whole run."""
        self._stretch = -(-steps // LINES)
        self._epoch, self._line = Means(), Means()
        self.trace: list[Figures] = []
        """`step`, the number of steps done at the end of the stretch, and means over it."""

    def add(self, figures: Mapping[str, float]) -> None:
        """Take note of one micro-batch."""
        self._epoch.add(figures)
        self._line.add(figures)

    def end_step(self, done: int) -> Figures | None:
        """Call after each step with the number of those done; the new line of the trace where a stretch ends."""
        if done % self._stretch:
            return None
        self.trace.append({"step": done} | self._line.pop())
        return self.trace[-1]

    def end_epoch(self) -> Figures:
        """Means of the epoch."""
        return self._epoch.pop()

    def state_dict(self) -> dict[str, Any]:
        """All of it, as plain numbers."""
        return {"epoch": self._epoch.state_dict(), "line": self._line.state_dict(), "trace": list(self.trace)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._epoch.load_state_dict(state["epoch"])
        self._line.load_state_dict(state["line"])
        self.trace = list(state["trace"])
