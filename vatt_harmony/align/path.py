"""Paths of actions, as every way of decoding gives them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.align.network import NeuMatch


@dataclass(frozen=True, kw_only=True)
class Path:
    """The actions by which one sequence was aligned."""

    actions: NDArray[np.int64]
    """`[T]`."""
    log_probabilities: NDArray[np.float64]
    """Of each action `[T]`, given those before it."""

    @property
    def score(self) -> float:
        """Log-probability of the path."""
        return float(self.log_probabilities.sum())


@dataclass(frozen=True)
class Step:
    """One step of B sequences."""

    action: Tensor
    """int64 `[B]`."""
    score: Tensor
    """Its log-probability `[B]`."""
    taken: Tensor
    """Whether the sequence went on at all, bool `[B]`."""


def unfinished(model: NeuMatch, left: Tensor) -> Tensor:
    """Which of the states `[..., S]` ask for another action, bool `[...]`.

    Without masks a sequence ends with its first empty stack, as in the released code: what is left belongs to nothing.
    """
    if model.config.mask == "none":
        return (left > 0).all(-1)
    return model.actions.legal(left).any(-1)


def paths(steps: Sequence[Step], count: int) -> list[Path]:
    """The paths of B = `count` sequences."""
    if not steps:
        return [Path(actions=np.zeros(0, np.int64), log_probabilities=np.zeros(0)) for _ in range(count)]
    action, score, taken = (torch.stack([getattr(step, name) for step in steps]).cpu() for name in vars(steps[0]))
    return [
        Path(
            actions=action[taken[:, row], row].numpy(),
            log_probabilities=score[taken[:, row], row].double().numpy(),
        )
        for row in range(count)
    ]
