"""Following an optimizer: rates before its steps, what it moved after them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.balance.pace import Pace
from vatt_harmony.balance.rates import HostCopy, Movement, Rates


class Follower:
    """Hooks on one optimizer's steps."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, modalities: tuple[str, ...], pace: Pace, close: Callable[[], None]
    ) -> None:
        """`close` ends the step that `pace` has open."""
        self.optimizer = optimizer
        self.k: HostCopy | None = None
        """Coefficients of the next step at the point `lr`; None leaves the rates alone."""
        self.monitor: dict[str, Tensor] | None = None
        """Where the next step's movement is to be written."""
        self._modalities, self._pace, self._close = modalities, pace, close
        self._rates, self._movement = Rates(), Movement()
        self._handles = [
            optimizer.register_step_pre_hook(self._before),
            optimizer.register_step_post_hook(self._after),
        ]

    def remove(self) -> None:
        """Follow no longer."""
        for handle in self._handles:
            handle.remove()

    def _before(self, optimizer: torch.optim.Optimizer, arguments: Any, named: Any) -> None:
        self._close()
        if self.monitor is not None:
            self._movement.before(optimizer)
        if self.k is not None:
            self._rates.apply(optimizer, dict(zip(self._modalities, self.k.read(), strict=True)))

    def _after(self, optimizer: torch.optim.Optimizer, arguments: Any, named: Any) -> None:
        self._rates.restore()
        # A fused optimizer is called in spite of an overflow, and leaves the step out by itself.
        overflow = getattr(optimizer, "found_inf", None)
        if overflow is None or not float(overflow):
            self._pace.stepped()
        if self.monitor is not None:
            self._movement.after(self.monitor)
