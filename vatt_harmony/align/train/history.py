"""What each epoch of a training came to, and what follows from it."""

from collections.abc import Mapping, Sequence

from vatt_harmony.align.config import Select, TrainConfig

Epoch = Mapping[str, float]
"""`epoch` (from 1), and figures under `group/name`."""
FIGURES: tuple[Select, ...] = ("accuracy", "iou")
MATCHED = "validation/matched"
"""Share of the validation clips that the network gives a sentence."""


def best_epoch(history: Sequence[Epoch], figure: Select) -> Epoch | None:
    """The first epoch with the highest validation `figure`; None where nothing was validated."""
    validated = [epoch for epoch in history if key(figure) in epoch]
    return max(validated, key=lambda epoch: epoch[key(figure)], default=None)


def newest_is_best(history: Sequence[Epoch], figure: Select) -> bool:
    """Whether the last epoch was validated, and better than all before it."""
    return bool(history) and best_epoch(history, figure) is history[-1]


def should_stop(history: Sequence[Epoch], config: TrainConfig) -> bool:
    """Whether `stop_after` epochs have gone by without a better validation figure."""
    best = best_epoch(history, config.select)
    return bool(config.stop_after and best and history[-1]["epoch"] - best["epoch"] >= config.stop_after)


def key(figure: Select) -> str:
    """Name of a validation figure in an epoch."""
    return f"validation/{figure}"
