"""Row 02.9: what each signal costs on a CUDA device: samples a second, overhead over plain training, memory."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from vatt_harmony.conflicts.signal_steps import SIGNALS, take_step
from vatt_harmony.figures import Figure
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.bench.harmonized import OBJECTIVE, plain_backward
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures
from vatt_harmony.scale.tiny import random_batch

CONFIG = ModelConfig(trunk=TowerConfig(size="base"))
BATCH = 64
REPETITIONS = 20
NAMES = ("plain", *SIGNALS)

MEASURES = measures(
    "02.9",
    *((f"{name}: samples a second", "", "1/s") for name in NAMES),
    *((f"{name}: overhead over plain", "<= 0.5" if name == "last_linear" else "", "%") for name in SIGNALS),
    *((f"{name}: peak memory", "", "GiB") for name in NAMES),
)


def steps_of(model: Vatt, batch_size: int) -> dict[str, Callable[[], object]]:
    """Name -> a forward and backward of the same batch."""
    batch = random_batch(batch_size, model.config, candidates=5, missing=False)
    steps: dict[str, Callable[[], object]] = {"plain": lambda: plain_backward(model, batch)}
    for signal in SIGNALS:
        harmony = HarmonyConfig(signal=signal)
        steps[signal] = lambda harmony=harmony: take_step(model, batch, OBJECTIVE, harmony)  # type: ignore[misc]
    return steps


def run(options: Options) -> list[Figure]:
    """VATT-MA-Base in bf16, 64 clips a step, 20 rounds in which every signal has its turn."""
    if not torch.cuda.is_available():
        raise NotRun("there is no CUDA device")
    device = torch.device("cuda")
    steps = steps_of(Vatt(CONFIG).to(device, torch.bfloat16).train(), BATCH)
    memory = {name: _peak(device, step) for name, step in steps.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(REPETITIONS):
        for name, step in steps.items():
            seconds[name].append(_seconds(device, step))
    rates = [BATCH / float(np.median(seconds[name])) for name in NAMES]
    overheads = [100 * (float(np.median(np.array(seconds[name]) / np.array(seconds["plain"]))) - 1) for name in SIGNALS]
    values = [*rates, *overheads, *(memory[name] for name in NAMES)]
    return [replace(figure, value=value, n=REPETITIONS) for figure, value in zip(MEASURES, values, strict=True)]


def _seconds(device: torch.device, step: Callable[[], object]) -> float:
    torch.cuda.synchronize(device)
    started = time.perf_counter()
    step()
    torch.cuda.synchronize(device)
    return time.perf_counter() - started


def _peak(device: torch.device, step: Callable[[], object]) -> float:
    """GiB at most during a second step; the first one loads kernels."""
    step()
    torch.cuda.reset_peak_memory_stats(device)
    step()
    return torch.cuda.max_memory_allocated(device) / 2**30


ROW = Row(
    id="02.9",
    title="each signal on a CUDA device, VATT-MA-Base, bf16, 64 clips a step",
    takes="a few minutes; needs a CUDA device",
    measures=MEASURES,
    run=run,
)
