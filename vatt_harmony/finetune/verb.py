"""`finetune`: a recipe, one or more seeds, one or more rules; a run folder."""

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from transformers.utils.logging import disable_progress_bar

from vatt_harmony.config import load_config, shipped_file
from vatt_harmony.engine.launch import first_process
from vatt_harmony.errors import UserError
from vatt_harmony.figures import write_figures
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.store import ClipStore
from vatt_harmony.finetune.train.history import Epoch, Select, best_epoch, selected
from vatt_harmony.finetune.train.result import Result, figures, mean_and_error
from vatt_harmony.finetune.train.run import Stopped, finetune

PAUSE = 5.0
"""Least seconds between two lines of a training."""


def finetune_verb(options: argparse.Namespace) -> int:
    """Train as `options.config` and `options.overrides` say, in `options.run`; goes on where that run left off.

    Alone, or on the ranks that a launcher has started: they train on what one would.
    """
    disable_progress_bar()  # of weights that are read
    if not first_process():
        logging.getLogger("vatt_harmony").setLevel(logging.WARNING)
    config = load_config(FinetuneConfig, shipped_file(str(options.config)), options.overrides)
    run: Path = options.run
    if options.seeds < 1:
        raise UserError(f"--seeds is {options.seeds}", "Nothing would be trained", "Give at least 1")
    try:
        if options.compare:
            from vatt_harmony.finetune.compare.verb import compare_verb

            return compare_verb(config, options.compare.split(","), options.seeds, run, options.json)
        return _train(config, options.seeds, run, options.json)
    except Stopped as stopped:
        if first_process():
            print(f"{stopped}; the same command goes on")
        return 0


def _train(config: FinetuneConfig, seeds: int, run: Path, json: Path | None) -> int:
    store = ClipStore() if config.data.cache == "memory" else None
    results = []
    for seed in range(config.seed, config.seed + seeds):
        own = run if seeds == 1 else run / f"seed_{seed}"
        lines = Lines(config, f"seed {seed}  " if seeds > 1 else "")
        results.append(finetune(replace(config, seed=seed), own, lines.tell, store=store))
    if first_process():
        Console().print(summary(results, config.data.modalities))
        print(f"model: {run / 'model' if seeds == 1 else run / 'seed_*' / 'model'}")
        told = figures(results)
        write_figures(told, run / "summary.json")
        if json is not None:
            write_figures(told, json)
    return 0


class Lines:
    """Tells a training on the terminal, a line every few seconds."""

    def __init__(self, config: FinetuneConfig, before: str = "") -> None:
        """`before`: the beginning of each line."""
        self._config, self._before = config, before
        self._console = Console(stderr=True)
        self._history: list[Epoch] = []
        self._told = -PAUSE

    def tell(self, epoch: Epoch) -> None:
        """Take note of an epoch, and say so where the last line is long ago."""
        self._history.append(epoch)
        last = epoch["epoch"] == self._config.train.epochs
        if last or time.monotonic() - self._told >= PAUSE:
            self._told = time.monotonic()
            line = sentence(self._history, self._config.data.modalities, self._config.train.select)
            number = f"epoch {int(epoch['epoch'])}/{self._config.train.epochs}"
            self._console.print(f"{self._before}{number}  {line}", highlight=False, soft_wrap=True)


def sentence(history: Sequence[Epoch], modalities: Sequence[str], select: Select) -> str:
    """The newest epoch in a few words: loss, validation figure fused and of each head, k, and the best epoch so far."""
    newest, best = history[-1], best_epoch(history, select)
    words = [f"loss {newest['train/fused_loss']:.3f}", f"val {_figure(newest, select)}"]
    known = [(name, f"validation/{select}/{name}") for name in modalities]
    heads = [f"{name} {percent(newest[key])}" for name, key in known if key in newest]
    if heads:
        words[-1] += f" ({', '.join(heads)})"
    k = [f"{name} {newest[f'train/k/{name}']:.2f}" for name in modalities if f"train/k/{name}" in newest]
    if len(k) > 1:
        words.append(f"k {', '.join(k)}")
    return "  ".join([*words, f"best {_figure(best, select)} (epoch {int(best['epoch'])})"])


def summary(results: Sequence[Result], modalities: Sequence[str]) -> Table:
    """Figures of the chosen epochs' networks, of all modalities and of each; over seeds mean ± standard error."""
    table = Table(box=None, pad_edge=False, title=f"mean ± s.e. of {len(results)} seeds" if len(results) > 1 else None)
    heads = [name for name in modalities if any(key.endswith(f"/{name}") for key in results[0].test)]
    table.add_column("")
    for column in ("validation", "test", *(f"test, {name}" for name in heads)):
        table.add_column(column, justify="right")
    for figure in dict.fromkeys(key.partition("/")[0] for key in results[0].test):
        cells = [_cell([result.validation.get(figure) for result in results])]
        cells += [
            _cell([result.test.get(key) for result in results])
            for key in (figure, *(f"{figure}/{name}" for name in heads))
        ]
        table.add_row(figure, *cells)
    return table


def _cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return with_error(known) if len(known) == len(values) else ""


def with_error(values: Sequence[float]) -> str:
    """A mean, with its standard error where there are several values."""
    mean, error = mean_and_error(values)
    return f"{mean:.4f}" if len(values) == 1 else f"{mean:.4f} ± {error:.4f}"


def percent(value: float) -> str:
    """A share as people read it."""
    return f"{100 * value:.1f} %"


def _figure(epoch: Epoch, select: Select) -> str:
    value = selected(epoch, select)
    return f"squared error {-value:.4f}" if "validation/mse" in epoch else f"{select} {percent(value)}"
