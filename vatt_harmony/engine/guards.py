"""Finite checks before the update: one bad batch is skipped by all ranks together, a series of them ends the run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vatt_harmony.engine.agreement import maximum_over_ranks
from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class GuardState:
    """Steps skipped so far."""

    total: int = 0
    """Skipped steps of the whole run."""
    in_a_row: int = 0
    """Skipped steps since the last good one."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to do with one step, and why."""

    take_step: bool
    """Equal on all ranks."""
    guilty: tuple[str, ...]
    """Names of the values that are not finite on some rank; equal on all ranks."""
    keys: tuple[str, ...]
    """Sample keys of this rank's bad batch; empty on a rank whose own values are all finite."""


def decide(state: GuardState, guilty: Sequence[str], patience: int) -> tuple[GuardState, bool]:
    """New state and whether the series of bad steps is still short of `patience`. Pure."""
    if not guilty:
        return replace(state, in_a_row=0), True
    state = GuardState(total=state.total + 1, in_a_row=state.in_a_row + 1)
    return state, state.in_a_row < patience


def nonfinite_rows(rows: Tensor) -> Tensor:
    """Which samples of `rows` `[B, …]` hold a NaN or an infinity: bool `[B]`."""
    return ~torch.isfinite(rows).flatten(1).all(dim=1)


class FiniteGuard:
    """Counts bad steps and decides, on all ranks alike, whether the optimizer may take this one."""

    def __init__(self, device: torch.device, patience: int = 5) -> None:
        """`device`: where the process group reduces; `patience`: bad steps in a row that end the run."""
        self.device = device
        self.patience = patience
        self.state = GuardState()

    def check(self, values: Mapping[str, Tensor | float], keys: Callable[[], Sequence[str]]) -> Verdict:
        """Judge one step by its losses and norms before the update. All ranks must call it, with the same names.

        `values`: tensors of any shape or numbers under the name to be blamed; `keys`: gives
        the sample keys of the local rows under suspicion (see `nonfinite_rows`), asked only if something is wrong.
        Raises `UserError` on every rank in the step that makes `patience` bad ones in a row.
        """
        names = tuple(values)
        own = _flags([values[name] for name in names])
        everywhere = maximum_over_ranks(own, self.device)
        guilty = tuple(name for name, flag in zip(names, everywhere, strict=True) if flag)
        suspects = tuple(keys()) if any(own) else ()
        self.state, survivable = decide(self.state, guilty, self.patience)
        if not survivable:
            raise UserError(
                f"{self.state.in_a_row} steps in a row gave values that are not finite: {', '.join(guilty)}"
                + (f"; the last batch of this rank: {', '.join(suspects)}" if suspects else ""),
                "None of these steps was taken; the weights are still those of the last good step.",
                "Resume with a lower optim.lr or a positive optim.clip, or look at the samples named above.",
            )
        return Verdict(take_step=not guilty, guilty=guilty, keys=suspects)

    def state_dict(self) -> dict[str, int]:
        """Counters as plain JSON."""
        return {"total": self.state.total, "in_a_row": self.state.in_a_row}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Take up the counters of a checkpoint."""
        self.state = GuardState(total=state["total"], in_a_row=state["in_a_row"])


def _flags(values: Sequence[Tensor | float]) -> list[float]:
    """1.0 where a value is not finite. One transfer from the device, whatever the number of values."""
    finite = [torch.isfinite(torch.as_tensor(value).detach()).all() for value in values]
    if not finite:
        return []
    device = next((flag.device for flag in finite if flag.device.type != "cpu"), finite[0].device)
    return [float(not flag) for flag in torch.stack([flag.to(device) for flag in finite]).tolist()]
