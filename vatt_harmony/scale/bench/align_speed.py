"""Row 03.8: what computing things once saves, in decoding and in training: CPU time of interleaved repetitions."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.greedy import greedy
from vatt_harmony.align.naive import naive
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.path import Path
from vatt_harmony.align.positions import position_count
from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.align_forcing import WAYS, WIDTHS, pieces, random_features, training_step
from vatt_harmony.scale.bench.overhead import median_ratio
from vatt_harmony.scale.bench.suite import Options, Row, measures

FILM = (249, 95)
"""Clips and sentences of the longest test video of YMS."""
STEEP = 1000.0

MEASURES = measures(
    "03.8",
    ("greedy decoding, everything anew at each step / cached, CPU time", ">= 15", ""),
    ("actions that differ", "== 0", ""),
    ("largest difference of log-probabilities", "<= 1e-3", ""),
    ("training step of 32 pieces of 100 actions, loop over steps and pieces / none, CPU time", ">= 10", ""),
    ("the same, loop over the steps of all pieces at once / none", "", ""),
    ("largest difference of logits", "<= 1e-3", ""),
)


def diagonal_aligner() -> NeuMatch:
    """An untrained network, steered to match along the diagonal, so that its path is like that of a trained one."""
    model = NeuMatch(NetworkConfig(), WIDTHS).eval()
    positions = model.head.inner.in_features - position_count(2)
    clips, sentences = positions + 2, positions + 3  # shares that are left
    with torch.no_grad():
        inner, outer = model.head.inner.weight, model.head.outer.weight
        inner[:, positions:] = 0
        inner[0, clips], inner[0, sentences] = STEEP, -STEEP
        inner[1, clips], inner[1, sentences] = -STEEP, STEEP
        outer[model.actions.index("MRS"), 0] = outer[model.actions.index("PS"), 1] = 1
    return model


@torch.inference_mode()
def cached(model: NeuMatch, film: tuple[Tensor, ...]) -> Path:
    """Greedy decoding of one film, its encoding included."""
    return greedy(model, model.encode(film, torch.tensor([FILM])))[0]


def cpu_seconds(works: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Work -> CPU seconds of each repetition, one thread; the works take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(repetitions):
            for name, work in works.items():
                started = time.process_time()
                work()
                seconds[name].append(time.process_time() - started)
    finally:
        torch.set_num_threads(threads)
    return seconds


def run(options: Options) -> list[Figure]:
    """Times, and that all ways give the same."""
    (decoding, actions, scores), (piecewise, stepwise, logits) = _decoding(options.pairs), _training(options.pairs)
    values = (decoding, actions, scores, piecewise, stepwise, logits)
    return [replace(figure, **value) for figure, value in zip(MEASURES, values, strict=True)]  # type: ignore[arg-type]


def _decoding(repetitions: int) -> tuple[dict[str, float], ...]:
    model, film = diagonal_aligner(), random_features(1, FILM)
    alone = [each[0] for each in film]
    slow, fast = naive(model, alone), cached(model, film)
    seconds = cpu_seconds({"naive": lambda: naive(model, alone), "cached": lambda: cached(model, film)}, repetitions)
    return (
        _ratio(seconds["naive"], seconds["cached"]),
        {"value": float((slow.actions != fast.actions).sum()), "n": len(fast.actions)},
        {"value": float(np.abs(slow.log_probabilities - fast.log_probabilities).max())},
    )


def _training(repetitions: int) -> tuple[dict[str, float], ...]:
    model, batch = NeuMatch(NetworkConfig(), WIDTHS).eval(), pieces()
    with torch.no_grad():
        fast, *loops = (way(model, batch).nan_to_num(neginf=0) for way in WAYS.values())
    model.train()
    steps = {name: partial(training_step, model, batch, way) for name, way in WAYS.items()}
    seconds = cpu_seconds(steps, repetitions)
    return (
        _ratio(seconds["piecewise"], seconds["fast"]),
        _ratio(seconds["stepwise"], seconds["fast"]),
        {"value": max(float((fast - loop).abs().max()) for loop in loops)},
    )


def _ratio(above: list[float], below: list[float]) -> dict[str, float]:
    value, low, high = median_ratio(above, below)
    return {"value": value, "low": low, "high": high, "n": len(above)}


ROW = Row(
    id="03.8",
    title="cached against naive: 249 clips x 95 sentences decoded, and a training step",
    takes="25 seconds a repetition, --pairs of them",
    measures=MEASURES,
    run=run,
)
