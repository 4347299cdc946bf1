"""`conflicts calibrate`: every signal against the exact one, on the user's own model and data."""

import argparse
import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from rich.console import Console
from rich.table import Table

from vatt_harmony.conflicts.agreement import Estimate, agreement, equivalent, threshold
from vatt_harmony.conflicts.signal_steps import EXACT, Measured, measure
from vatt_harmony.downstream.ranks import usable_device
from vatt_harmony.engine.parts import Trained, load_trained
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, write_figures
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.capabilities import check_pairs
from vatt_harmony.stream.config import DataConfig, SourceConfig
from vatt_harmony.stream.stream import Stream
from vatt_harmony.stream.tokenizer import load_tokenizer

SHARES = (0.05, 0.1, 0.2, 0.3)
"""Of samples dropped; each has a threshold in every signal."""
GAMMAS = (-0.3, -0.2, -0.1, 0.0)
"""Thresholds of the exact signal; each has an equivalent in the others."""
FEWEST = 8
"""Samples below which nothing can be said."""
_SHORT = ("r", "same sign", "sd ratio", "error")
"""Columns of `MEASURES`, in their order."""
Estimates = Mapping[str, Mapping[str, Estimate]]


def calibrate_verb(options: argparse.Namespace) -> int:
    """Measure, print two tables, write figures if asked to; 0. Raises UserError for what cannot be measured."""
    if options.batch < FEWEST:
        raise UserError(
            f"--batch is {options.batch}",
            "Contrastive losses of so few samples are not those of training",
            f"Give --batch {FEWEST} or more, as many as the memory holds",
        )
    device = usable_device(options.device)
    trained = load_trained(options.checkpoint)
    # Gradients are compared as in training, dropout aside: a replay would draw another.
    model = Vatt(replace(trained.model.config, dropout=0.0))
    model.load_state_dict(trained.model.state_dict())
    batches = _batches(trained, options)
    measured = measure(model.to(device).train(), batches, trained.config.objective)
    samples = len(measured[EXACT].cosines)
    if samples < FEWEST:
        raise UserError(
            f"{samples} of {options.batches * options.batch} samples have two losses to compare",
            "Agreement between signals could not be told from chance",
            "Give more --batches, or shards whose clips have picture, sound and sentences",
        )
    found = {name: agreement(m.cosines, measured[EXACT].cosines) for name, m in measured.items()}
    console = Console()
    told = _told(samples, measured, options.batch, trained.config.stream.global_batch)
    console.print(told, markup=False, highlight=False)
    for table in (_agreement_table(found, measured), _threshold_table(measured)):
        console.print(table)
    if options.json is not None:
        write_figures(figures(found, measured), options.json)
    return 0


def _batches(trained: Trained, options: argparse.Namespace) -> list[Batch]:
    """The first batches that training would draw from the data."""
    config = trained.config
    sources = {f"data{number}": SourceConfig(shards=shards) for number, shards in enumerate(options.data, start=1)}
    stream = Stream(
        DataConfig(sources=sources),
        replace(config.stream, global_batch=options.batch, workers=0),
        config.seed,
        tokenizer=load_tokenizer(trained.tokenizer, config.stream.words),
    )
    check_pairs(stream.sources, config.objective.weights.active(), stream.config)
    samples = sum(source.samples for source in stream.sources.values())
    if samples < options.batch:
        raise UserError(
            f"The shards hold {samples} samples, --batch is {options.batch}",
            "A clip would be a negative of itself",
            f"Give more shards, or --batch {samples} or less",
        )
    return list(islice(iter(stream), options.batches))


def figures(found: Estimates, measured: Mapping[str, Measured]) -> list[Figure]:
    """All that the tables say."""
    exact = measured[EXACT].cosines
    rows = [
        Figure(id=f"{name}.{measure}", name=f"{name} against {EXACT}: {measure}", value=_known(e.value),
               low=_known(e.low), high=_known(e.high), n=len(exact))
        for name, estimates in found.items() for measure, e in estimates.items()
    ]  # fmt: skip
    for name, m in measured.items():
        rows.append(Figure(id=f"{name}.time", name=f"{name}: time of a step / plain", value=m.time))
        rows.append(Figure(id=f"{name}.flops", name=f"{name}: FLOPs of a step / plain", value=m.work))
        rows += [
            Figure(id=f"{name}.quantile_{share:g}", name=f"{name}: threshold that drops {share:.0%}",
                   value=threshold(m.cosines, share), n=len(exact))
            for share in SHARES
        ]  # fmt: skip
        rows += [
            Figure(id=f"{name}.gamma_{gamma:g}", name=f"{name}: threshold equivalent to {gamma:g} of {EXACT}",
                   value=_known(equivalent(gamma, exact, m.cosines)), n=len(exact))
            for gamma in GAMMAS
        ]  # fmt: skip
    return rows


def _told(samples: int, measured: Mapping[str, Measured], batch: int, trained_at: int) -> str:
    exact = measured[EXACT].cosines
    other = f" Taken at batch {batch}, trained at {trained_at}: other negatives, other cosines."
    return (
        f"{samples} samples with two losses to compare; their exact cosine: mean {exact.mean():+.3f}, standard "
        f"deviation {exact.std():.3f}, {(exact < 0).mean():.0%} below 0. 95 % intervals by bootstrap over samples."
        + (other if batch != trained_at else "")
    )


def _agreement_table(found: Estimates, measured: Mapping[str, Measured]) -> Table:
    table = _table(f"Agreement with {EXACT} (± half the interval), cost against a plain step")
    for column in (*_SHORT, "time", "FLOPs"):
        table.add_column(column, justify="right")
    for name, estimates in found.items():
        cells = [f"{_cell(e.value, 2)} ±{_cell((e.high - e.low) / 2, 2)}" for e in estimates.values()]
        table.add_row(name, *cells, f"{measured[name].time:.2f}", f"{measured[name].work:.4f}")
    return table


def _threshold_table(measured: Mapping[str, Measured]) -> Table:
    table = _table("Thresholds (gamma0, gamma1) that drop as many samples: a share, or as many as gamma of exact/all")
    exact = measured[EXACT].cosines
    for share in SHARES:
        table.add_column(f"{share:.0%}", justify="right")
    for gamma in GAMMAS:
        table.add_column(f"{gamma:g}\n{(exact < gamma).mean():.0%}", justify="right")
    for name, m in measured.items():
        if not name.startswith("batch/"):  # one cosine for all samples drops none of them
            cells = [threshold(m.cosines, share) for share in SHARES]
            cells += [equivalent(gamma, exact, m.cosines) for gamma in GAMMAS]
            table.add_row(name, *[_cell(cell, 2) for cell in cells])
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("signal/branches", no_wrap=True)
    return table


def _cell(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
