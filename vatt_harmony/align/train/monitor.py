"""What a training tells while it runs: a line or a bar, `metrics.jsonl`, TensorBoard, a plot of the analysis."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from vatt_harmony.align.config import Select
from vatt_harmony.align.train.history import FIGURES, Epoch, best_epoch, key
from vatt_harmony.align.train.plot import save_plot

PAUSE = 10.0
"""Least seconds between two plain lines."""


class Monitor:
    """Told every epoch of a run; writes into its folder. Rank 0 only."""

    def __init__(self, run: Path, epochs: int, select: Select, console: Console) -> None:
        self._run, self._epochs, self._select, self._console = run, epochs, select, console
        self._metrics = run / "metrics.jsonl"
        self._board: SummaryWriter | None = None
        self._history: list[Epoch] = []
        self._last_line = -PAUSE
        self._bar = Progress(
            TextColumn("align"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[told]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=epochs, told="")

    def __enter__(self) -> "Monitor":
        self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.stop()
        if self._board is not None:
            if any(name.startswith("movement/") for name in self._history[-1]):
                picture = save_plot(self._history, self._run / "analysis.png")
                self._board.add_image("analysis", picture, int(self._history[-1]["epoch"]), dataformats="HWC")
            self._board.close()

    def tell(self, epoch: Epoch) -> None:
        """Take note of an epoch; what an earlier start wrote of it and of later ones goes."""
        number = int(epoch["epoch"])
        if self._board is None:
            self._history = _lines_before(self._metrics, number)
            self._metrics.write_text("".join(json.dumps(line) + "\n" for line in self._history))
            self._board = SummaryWriter(str(self._run / "tensorboard"), purge_step=number)
        self._history.append(epoch)
        with self._metrics.open("a") as file:
            file.write(json.dumps(dict(epoch)) + "\n")
        for name, value in epoch.items():
            if name != "epoch":
                self._board.add_scalar(name, value, number)
        self._board.flush()
        self._show(number)

    def _show(self, number: int) -> None:
        told = sentence(self._history, self._select)
        self._bar.update(self._task, completed=number, told=told)
        due = number == self._epochs or time.monotonic() - self._last_line >= PAUSE
        if self._bar.disable and due:
            self._last_line = time.monotonic()
            self._console.print(f"epoch {number}/{self._epochs}  {told}", highlight=False, soft_wrap=True)


def sentence(history: list[Epoch], select: Select) -> str:
    """The newest epoch of a training in a few words, and the best one."""
    newest, best = history[-1], best_epoch(history, select)
    words = [f"loss {newest['train/loss']:.3f}"]
    words += [f"{name} {100 * newest[key(name)]:.1f} %" for name in FIGURES if key(name) in newest]
    if best is not None:
        words.append(f"best {select} {100 * best[key(select)]:.1f} % (epoch {int(best['epoch'])})")
    return "  ".join(words)


def _lines_before(path: Path, epoch: int) -> list[Mapping[str, float]]:
    """Whole lines of epochs before `epoch`."""
    if not path.is_file():
        return []
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in map(json.loads, lines) if line["epoch"] < epoch]
