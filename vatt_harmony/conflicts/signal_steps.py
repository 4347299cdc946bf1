"""Training steps with each signal on the same batches: their cosines, their time, their work."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vatt_harmony.conflicts.agreement import Values
from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.surrogate import Judged, gather, judge, surrogate
from vatt_harmony.engine.trunk_signals import keeping, trunk_gram_of
from vatt_harmony.harmony.config import Branches, HarmonyConfig, Signal
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.scale.work import CountWork
from vatt_harmony.stream.batch import Batch

SIGNALS: tuple[Signal, ...] = ("representation", "last_linear", "last_block", "exact", "batch")
EXACT = "exact/all"
PLAIN = HarmonyConfig(enabled=False)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the steps with one signal gave."""

    cosines: Values
    """Of the samples that have two losses to compare, `[N]`; the same samples in the same order for every signal."""
    time: float
    """Time of a step over that of a plain one on the same batch, median over the batches."""
    work: float
    """Counted FLOPs of a step over those of a plain one."""


def variants(shared: Sequence[str]) -> dict[str, HarmonyConfig]:
    """Name in the logs → options of every signal, also over the video branch alone where more than that is shared."""
    branches: tuple[Branches, ...] = ("all", "video") if len(shared) > 1 else ("all",)
    options = [HarmonyConfig(signal=signal, branches=kind) for kind in branches for signal in SIGNALS]
    return {option.signal_name: option for option in options}


def take_step(model: Vatt, batch: Batch, objective: ObjectiveConfig, harmony: HarmonyConfig) -> Judged:
    """Forward, verdict and backward of one process; the model keeps the gradients, and its batch-norm statistics."""
    model.zero_grad(set_to_none=True)
    shared = model.shared_branches
    with keeping(model, harmony) as kept:
        encoded = encode(model, batch, next(model.parameters()).device)
    gathered = gather(encoded, harmony.kernel_branches(shared), 0, 1)
    trunk = trunk_gram_of(model, harmony, encoded, kept, gathered)
    judged = judge(gathered, model.head_stage, objective, harmony, shared, HarmonyState(), 0, trunk_gram=trunk)
    torch.autograd.backward(surrogate(encoded, gathered, judged, model.head_stage, objective))
    return judged


def measure(model: Vatt, batches: Sequence[Batch], objective: ObjectiveConfig) -> dict[str, Measured]:
    """Steps of every signal on every batch, taking turns; name of the signal → what they gave.

    model: in training mode, without dropout. Raises UserError if fewer than two losses reach the shared branches.
    """
    options = variants(model.shared_branches)
    take_step(model, batches[0], objective, PLAIN)  # memory and kernels of the first step are nobody's cost
    cosines: dict[str, list[Values]] = {name: [] for name in options}
    ratios: dict[str, list[float]] = {name: [] for name in options}
    for batch in batches:
        started = _now(model)
        take_step(model, batch, objective, PLAIN)
        plain = _now(model) - started
        for name, harmony in options.items():
            started = _now(model)
            harmonized = take_step(model, batch, objective, harmony).harmonized
            ratios[name].append((_now(model) - started) / plain)
            assert harmonized is not None
            both = harmonized.comparison.expected.sum(dim=1) > 1
            cosines[name].append(harmonized.cosines[both].double().cpu().numpy())
    work = count(model.config, batches[0], objective, options)
    joined = np.stack([np.concatenate(cosines[name]) for name in options])
    usable = joined[:, np.isfinite(joined).all(axis=0)]
    return {
        name: Measured(cosines=values, time=float(np.median(ratios[name])), work=work[name])
        for name, values in zip(options, usable, strict=True)
    }


def count(
    config: ModelConfig, batch: Batch, objective: ObjectiveConfig, options: Mapping[str, HarmonyConfig]
) -> dict[str, float]:
    """Name → FLOPs of a step over those of a plain one, counted on meta tensors."""
    with torch.device("meta"):
        model = Vatt(config).train()
    flops = {}
    for name, harmony in {"plain": PLAIN, **options}.items():
        with CountWork() as work:
            take_step(model, batch, objective, harmony)
        flops[name] = work.flops
    return {name: flops[name] / flops["plain"] for name in options}


def _now(model: Vatt) -> float:
    """Seconds of this process on the CPU, of the clock on another device, whose work is waited for."""
    device = next(model.parameters()).device
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()
