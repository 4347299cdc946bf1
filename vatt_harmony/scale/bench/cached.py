"""Rows 02.3 and 02.4: the two-pass step against one pass: its gradient, work, CPU time and memory."""

import functools
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from vatt_harmony.engine.passes import OnePass, Passes, TwoPass
from vatt_harmony.engine.surrogate import gather, judge, surrogate
from vatt_harmony.figures import Figure
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.bench.harmonized import OBJECTIVE, gradients, plain_backward, relative
from vatt_harmony.scale.bench.overhead import CONFIG, cpu_seconds, flagged, median_ratio
from vatt_harmony.scale.bench.suite import Options, Row, measures
from vatt_harmony.scale.memory import in_own_process, peak_bytes
from vatt_harmony.scale.tiny import random_batch, tiny_config, tiny_model, with_audio
from vatt_harmony.scale.work import CountWork
from vatt_harmony.stream.batch import Batch

CHUNKS = 8
REALIGNED = HarmonyConfig()
HALF = HarmonyConfig(curriculum=CurriculumConfig(kind="quantile", q0=0.5, t0=0, shape="constant"))


def backward(passes: Passes, model: Vatt, batch: Batch, harmony: HarmonyConfig) -> None:
    """Fill the model's gradients by one step of the package, one process."""
    model.zero_grad(set_to_none=True)
    encoded = passes.encode(batch)
    gathered = gather(encoded, harmony.kernel_branches(model.shared_branches), 0, 1)
    judged = judge(gathered, model.head_stage, OBJECTIVE, harmony, model.shared_branches, HarmonyState(), 0)
    for part in passes.parts(batch, encoded, gathered, judged):
        torch.autograd.backward(surrogate(part.encoded, gathered, judged, model.head_stage, OBJECTIVE, part.share))
    model.head_stage.take_statistics()


def cached_backward(model: Vatt, batch: Batch, harmony: HarmonyConfig = REALIGNED, chunk: int = 0) -> None:
    """The same in two passes; `chunk` 0: an eighth of the batch."""
    chunk = chunk or -(-len(batch) // CHUNKS)
    device = next(model.parameters()).device
    backward(TwoPass(model, device, chunk, model.config.dropout), model, batch, harmony)


STEPS: dict[str, Callable[[Vatt, Batch], object]] = {
    "plain": plain_backward,
    "cached": cached_backward,
    "half": functools.partial(cached_backward, harmony=HALF),
}


def gradient_error(harmony: HarmonyConfig, chunk: int, batch: Batch | None = None) -> float:
    """Relative difference between the gradients, and batch-norm statistics, of two passes and of one, in fp64."""
    config = tiny_config()
    given = with_audio(random_batch(12, config) if batch is None else batch, torch.float64)
    found, wanted = tiny_model(config), tiny_model(config)
    cached_backward(found, given, harmony, chunk)
    backward(OnePass(wanted, torch.device("cpu")), wanted, given, harmony)
    return max(relative(gradients(found), gradients(wanted)), relative(_statistics(found), _statistics(wanted)))


def _statistics(model: Vatt) -> Tensor:
    return torch.cat([buffer.double() for name, buffer in model.named_buffers() if "running" in name])


def flops_ratio() -> float:
    """Counted work of two passes over that of plain training; the same at every batch size, counted at two samples."""
    batch = random_batch(2, CONFIG, candidates=5, missing=False)
    model = Vatt(CONFIG).train()
    counted = {}
    for name in ("plain", "cached"):
        with CountWork() as counted[name]:
            STEPS[name](model, batch)
    return float(counted["cached"].flops / counted["plain"].flops)


def peak_of(name: str, size: int) -> int:
    """Bytes that a process takes for its first step beyond what it held before: weights, batch, libraries."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch = random_batch(size, CONFIG, candidates=5, missing=False)
    model = Vatt(CONFIG).train()
    return peak_bytes(lambda: STEPS[name](model, batch))


def memory_ratio(size: int) -> float:
    """Of two passes over plain training, each in a process of its own."""
    cached, plain = (in_own_process(peak_of, name, size) for name in ("cached", "plain"))
    return float(cached / plain)


TWO_PASSES = measures(
    "02.3",
    ("two passes / one, fp64, batch-norm statistics included: largest relative error of the gradient", "<= 1e-12", ""),
    ("two passes / plain, FLOPs", "", ""),
    ("two passes / plain, CPU time of a step", "<= 1.40", ""),
    ("two passes of 8 chunks / plain, peak memory of a process in a step", "<= 0.25", ""),
)
KEEP_HALF = measures("02.4", ("two passes that keep 50 % of the samples / plain, CPU time of a step", "<= 0.87", ""))


@functools.cache
def _seconds(size: int, pairs: int) -> dict[str, list[float]]:
    batch = random_batch(size, CONFIG, candidates=5, missing=False)
    return cpu_seconds(CONFIG, batch, pairs, STEPS)


def run_two_passes(options: Options) -> list[Figure]:
    """Gradients of a tiny model; work, time and memory of the shape of 01.11, in 8 chunks."""
    error = max(gradient_error(harmony, chunk) for harmony in (REALIGNED, HALF) for chunk in (1, 3, 5))
    figures = flagged(TWO_PASSES, options.batch)
    figures[0] = replace(figures[0], value=error)
    figures[1] = replace(figures[1], value=flops_ratio())
    figures[2] = _timed(figures[2], "cached", options)
    figures[3] = replace(figures[3], value=memory_ratio(options.batch))
    return figures


def run_keep_half(options: Options) -> list[Figure]:
    """The times measured with 02.3, if that has run."""
    return [_timed(flagged(KEEP_HALF, options.batch)[0], "half", options)]


def _timed(figure: Figure, name: str, options: Options) -> Figure:
    seconds = _seconds(options.batch, options.pairs)
    ratio, low, high = median_ratio(seconds[name], seconds["plain"])
    return replace(figure, value=ratio, low=low, high=high, n=options.pairs)


TWO_PASSES_ROW = Row(
    id="02.3",
    title="two passes in 8 chunks against one, d 384, 6 layers, tokens 785/601/5 x 17",
    takes="two minutes, and 80 s a repetition at batch 16, --pairs of them",
    measures=TWO_PASSES,
    run=run_two_passes,
)
KEEP_HALF_ROW = Row(
    id="02.4",
    title="two passes that drop half of the samples against plain",
    takes="80 s a repetition at batch 16, nothing after 02.3",
    measures=KEEP_HALF,
    run=run_keep_half,
)
