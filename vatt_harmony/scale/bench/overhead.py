"""Row 01.11: what a harmonized step costs over a plain one: work counted, CPU time of interleaved repetitions."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from vatt_harmony.figures import Figure
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.bench.harmonized import QUANTILE, harmonized_backward, plain_backward
from vatt_harmony.scale.bench.suite import Options, Row, measures
from vatt_harmony.scale.tiny import random_batch
from vatt_harmony.scale.work import CountWork
from vatt_harmony.stream.batch import Batch

FULL_BATCH = 16
CONFIG = ModelConfig(trunk=TowerConfig(depth=6, width=384, ff=1536, heads=6))
"""785 video, 601 sound and 17 text tokens after DropToken, of inputs of full size."""
Step = Callable[[Vatt, Batch], object]

STEPS: dict[str, Step] = {
    "plain": plain_backward,
    "disabled": lambda model, batch: harmonized_backward(model, batch, HarmonyConfig(enabled=False)),
    "harmonized": lambda model, batch: harmonized_backward(model, batch, HarmonyConfig(curriculum=QUANTILE)),
}


def count(config: ModelConfig, batch: Batch, steps: Mapping[str, Step] = STEPS) -> dict[str, CountWork]:
    """Step -> its work, counted on meta tensors."""
    with torch.device("meta"):
        model = Vatt(config).train()
    counted = {}
    for name, step in steps.items():
        step(model, batch)  # makes the constants that are made once
        with CountWork() as counted[name]:
            step(model, batch)
    return counted


def cpu_seconds(
    config: ModelConfig, batch: Batch, pairs: int, steps: Mapping[str, Step] = STEPS
) -> dict[str, list[float]]:
    """Step -> CPU seconds of each repetition, one thread; the steps take turns, also at being the first."""
    torch.manual_seed(0)
    model = Vatt(config).train()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for repetition in range(pairs):
            for name in names[repetition % len(names) :] + names[: repetition % len(names)]:
                started = time.process_time()
                steps[name](model, batch)
                seconds[name].append(time.process_time() - started)
    finally:
        torch.set_num_threads(threads)
    return seconds


def median_ratio(above: list[float], below: list[float]) -> tuple[float, float, float]:
    """Median of the paired ratios, and its 95 % interval by bootstrap over the pairs."""
    ratios = np.array(above) / np.array(below)
    draws = np.random.default_rng(0).integers(len(ratios), size=(2000, len(ratios)))
    low, high = np.quantile(np.median(ratios[draws], axis=1), [0.025, 0.975])
    return float(np.median(ratios)), float(low), float(high)


MEASURES = measures(
    "01.11",
    ("harmonized / plain, FLOPs", "<= 1.0005", ""),
    ("harmonized / plain, CPU time of a step", "<= 1.05", ""),
    ("harmonized / harmony.enabled false, FLOPs", "<= 1.0005", ""),
    ("harmonized / harmony.enabled false, CPU time of a step", "<= 1.05", ""),
    ("harmonized / plain, operators that are no views", "", ""),
    ("harmonized / harmony.enabled false, operators that are no views", "", ""),
    ("plain, CPU time of a step", "", "s"),
)


def run(options: Options) -> list[Figure]:
    """Counts on meta tensors, then times; the optimizer's step, equal for all, is left out."""
    batch = random_batch(options.batch, CONFIG, candidates=5, missing=False)
    work = count(CONFIG, batch)
    seconds = cpu_seconds(CONFIG, batch, options.pairs)
    figures = [replace(figure, n=options.pairs) for figure in flagged(MEASURES, options.batch)]
    for base, (flops, times, operators) in {"plain": (0, 1, 4), "disabled": (2, 3, 5)}.items():
        ratio, low, high = median_ratio(seconds["harmonized"], seconds[base])
        figures[flops] = replace(figures[flops], value=work["harmonized"].flops / work[base].flops, n=None)
        figures[times] = replace(figures[times], value=ratio, low=low, high=high)
        figures[operators] = replace(
            figures[operators], value=work["harmonized"].operators / work[base].operators, n=None
        )
    figures[6] = replace(figures[6], value=float(np.median(seconds["plain"])))
    return figures


def flagged(figures: Sequence[Figure], batch: int) -> list[Figure]:
    """The figures, whose names say so if they were taken at another batch than the row's own."""
    if batch == FULL_BATCH:
        return list(figures)
    return [replace(figure, name=f"{figure.name} (batch {batch}, not {FULL_BATCH})") for figure in figures]


ROW = Row(
    id="01.11",
    title="harmonized against plain, d 384, 6 layers, tokens 785/601/5 x 17",
    takes="two minutes a repetition at batch 16, --pairs of them",
    measures=MEASURES,
    run=run,
)
