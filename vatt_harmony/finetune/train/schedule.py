"""The learning rate of every optimizer step, a pure function of the step: nothing to save, nothing to resume."""

import math

from torch.optim import Optimizer

from vatt_harmony.finetune.config import OptimConfig


def factor(config: OptimConfig, step: int, steps: int, epoch_steps: int) -> float:
    """Share of `config.lr` for optimizer step `step` (from 0) of `steps`, of which an epoch has `epoch_steps`.

    The rise of the warm-up and the hold come first. `cosine` falls to 0 over the rest, `step` counts whole epochs, and
    `cosine_restarts` counts all steps from 0, those held included, as the runs of Kontras et al. (BMVC 2024) did.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    before = config.warmup_steps + config.hold_steps
    if step < before or config.schedule == "constant":
        return 1.0
    if config.schedule == "step":
        return config.gamma ** (step // epoch_steps // config.step_every)
    if config.schedule == "cosine":
        return half_cosine((step - before) / max(1, steps - before))
    return half_cosine(share_of_cycle(step, config.t0, config.t_mult))


def half_cosine(share: float) -> float:
    """From 1 at share 0 to 0 at share 1 and after."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def share_of_cycle(step: int, first: int, growth: int) -> float:
    """How much of its cycle `step` has behind it, the first one `first` steps long, each next `growth` times that.

    Source: SGDR, Loshchilov and Hutter, ICLR 2017.
    """
    length = first
    while growth > 1 and step >= length:
        step, length = step - length, length * growth
    return step % length / length


class Schedule:
    """Sets the rates of an optimizer's groups; their ratios are kept."""

    def __init__(self, optimizer: Optimizer, config: OptimConfig, steps: int, epoch_steps: int) -> None:
        """The present rates of the groups count as the full ones."""
        self._optimizer, self._config, self._steps, self._epoch_steps = optimizer, config, steps, epoch_steps
        self._full = [float(group["lr"]) for group in optimizer.param_groups]

    def begin_step(self, step: int) -> float:
        """Call before each optimizer step, with the number of those done; returns the share of the full rate."""
        share = factor(self._config, step, self._steps, self._epoch_steps)
        for group, full in zip(self._optimizer.param_groups, self._full, strict=True):
            group["lr"] = full * share
        return share
