"""What each epoch of a fine-tune came to, and what follows from it."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

Select = Literal["accuracy", "f1", "map"]
Epoch = Mapping[str, float]
"""`epoch` (from 1), and figures under `group/name`, such as `validation/accuracy` or `validation/audio/accuracy`."""


def selected(epoch: Epoch, select: Select) -> float:
    """The validation figure that chooses: higher is better; of a regression minus its squared error."""
    if "validation/mse" in epoch:
        return -epoch["validation/mse"]
    value = epoch[f"validation/{select}"]
    return value if math.isfinite(value) else -math.inf


def best_epoch(history: Sequence[Epoch], select: Select) -> Epoch:
    """The first epoch with the highest figure."""
    return max(history, key=lambda epoch: selected(epoch, select))


def should_stop(history: Sequence[Epoch], select: Select, patience: int) -> bool:
    """Whether `patience` epochs (0: never) have gone by without a better figure."""
    if not patience or not history:
        return False
    return history[-1]["epoch"] - best_epoch(history, select)["epoch"] >= patience
