"""The point `lr`: k on the steps of each modality's parameter groups; and how far parameters move."""

from typing import Any

import torch
from torch import Tensor

from vatt_harmony.balance.groups import KEY, is_decoupled


class HostCopy:
    """Numbers on their way from the device to the host, without waiting until they are read."""

    def __init__(self, values: Tensor) -> None:
        self._event: torch.cuda.Event | None = None
        if values.device.type == "cuda":
            self._values = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            self._values.copy_(values, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()
        else:
            self._values = values

    def read(self) -> list[float]:
        """The numbers; waits for them alone, not for the backward pass behind them."""
        if self._event is not None:
            self._event.synchronize()
        numbers: list[float] = self._values.tolist()
        return numbers


class Rates:
    """Group rates times k just before an optimizer's step, put back just after it.

    An optimizer that is called once a group, as under ZeRO, sees the same k in every call. Decoupled weight decay is
    divided by k, so that it stays what it was.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[dict[str, Any], float | Tensor, float]] = []

    def apply(self, optimizer: torch.optim.Optimizer, k: dict[str, float]) -> None:
        """Scale the rates of the groups of `optimizer` that belong to a modality."""
        self.restore()
        for group in optimizer.param_groups:
            factor = k.get(group.get(KEY, ""), 1.0)
            if factor == 1.0:
                continue
            self._kept.append((group, group["lr"], group.get("weight_decay", 0.0)))
            group["lr"] = group["lr"] * factor
            if factor != 0 and is_decoupled(optimizer, group):
                group["weight_decay"] = group["weight_decay"] / factor

    def restore(self) -> None:
        """Put the scheduled rates back."""
        for group, lr, weight_decay in self._kept:
            group["lr"] = lr
            if "weight_decay" in group:
                group["weight_decay"] = weight_decay
        self._kept = []


class Movement:
    """Norm of each modality's change in an optimizer's step, relative to its norm before."""

    def __init__(self) -> None:
        self._before: list[tuple[str, Tensor, Tensor]] = []

    @torch.no_grad()
    def before(self, optimizer: torch.optim.Optimizer) -> None:
        """Take note of where the groups of modalities stand."""
        self._before = [
            (group[KEY], parameter, parameter.detach().clone())
            for group in optimizer.param_groups
            if group.get(KEY) is not None
            for parameter in group["params"]
        ]

    @torch.no_grad()
    def after(self, ratios: dict[str, Tensor]) -> None:
        """Write each modality's ratio into `ratios`; with partitioned parameters, that of this rank's part."""
        for name in dict.fromkeys(name for name, _, _ in self._before):
            mine = [(now, then) for other, now, then in self._before if other == name]
            change = torch.stack([(now - then).float().norm() for now, then in mine]).norm()
            ratios[name] = change / torch.stack([then.float().norm() for _, then in mine]).norm()
        self._before = []
