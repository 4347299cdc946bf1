"""The learning rate as a pure function of the step."""

import math

from vatt_harmony.engine.optim import OptimConfig


def learning_rate(step: int, config: OptimConfig, steps: int) -> float:
    """Learning rate for the update that follows `step` finished updates of a run of `steps` updates.

    Linear from 0 to `lr` over the warm-up w, then with p = (step − w) / (steps − w):
    half period   lr_end + (lr − lr_end)·(1 + cos(π·p)) / 2   (released code, `configs/experiment.py`),
    quarter       lr_end + (lr − lr_end)·cos(π·p / 2)         (arXiv 2104.11178, A.2.4),
    and `lr_end` after `steps`. A warm-up as long as the run, or longer, never reaches the cosine.
    """
    if step < config.warmup:
        return config.lr * step / config.warmup
    if config.shape == "constant":
        return config.lr
    progress = min(1.0, (step - config.warmup) / max(1, steps - config.warmup))
    half = config.shape == "half"
    share = (1.0 + math.cos(math.pi * progress)) / 2.0 if half else math.cos(math.pi * progress / 2.0)
    return config.lr_end + (config.lr - config.lr_end) * share
