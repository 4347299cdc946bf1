"""The learning rate: a rise at the start, and a smaller rate whenever the training loss no longer falls."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from vatt_harmony.align.config import OptimConfig

RISES_FROM = 0.1


def warm_up(epoch: float, epochs: int) -> float:
    """Share of the full rate after `epoch` (fractional) of `epochs` epochs of warm-up: from a tenth to 1, linearly."""
    return 1.0 if epoch >= epochs else RISES_FROM + (1 - RISES_FROM) * epoch / epochs


class Schedule:
    """Sets the rates of an optimizer; the ratios of its groups are kept.

    Source: supplement and released code of Wang et al., WACV 2021; the rate shrinks in the epoch after `patience`
    epochs without a better mean training loss (relative threshold 1e-4). Epochs of the warm-up do not count.
    """

    def __init__(self, optimizer: Optimizer, config: OptimConfig) -> None:
        self._optimizer = optimizer
        self._full = [group["lr"] for group in optimizer.param_groups]
        self._warmup_epochs = config.warmup_epochs
        # eps: torch leaves steps below 1e-8 out, so that small rates would never shrink.
        self._plateau = ReduceLROnPlateau(optimizer, "min", config.factor, config.patience, eps=0.0)

    @property
    def rate(self) -> float:
        """Rate of the first group."""
        return float(self._optimizer.param_groups[0]["lr"])

    def begin_update(self, epoch: float) -> None:
        """Call before each update, with the epochs done so far, fractions included."""
        if epoch <= self._warmup_epochs:
            for group, full in zip(self._optimizer.param_groups, self._full, strict=True):
                group["lr"] = full * warm_up(epoch, self._warmup_epochs)

    def end_epoch(self, epochs: int, train_loss: float) -> None:
        """Call after each epoch, with the number of whole epochs done and the last one's mean training loss."""
        if epochs > self._warmup_epochs:
            self._plateau.step(train_loss)

    def state_dict(self) -> dict[str, Any]:
        """Counters of the plateau; the rates themselves are the optimizer's."""
        return {"best": self._plateau.best, "bad_epochs": self._plateau.num_bad_epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._plateau.best, self._plateau.num_bad_epochs = state["best"], state["bad_epochs"]
