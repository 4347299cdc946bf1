"""What the harmonizer carries from step to step."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.errors import UserError

VERSION = 2


@dataclass(frozen=True, kw_only=True)
class HarmonyState:
    """Tensors stay on the device until the state is saved."""

    empty_steps: Tensor | int = 0
    """Steps so far in which the curriculum left no sample."""
    gradvac_target: Tensor | None = None
    """Running mean cosine of each two losses `[M, M]`; None before the first step with the rule gradvac."""

    def counting(self, empty: Tensor) -> "HarmonyState":
        """The state after a step that may have been empty (bool scalar)."""
        return replace(self, empty_steps=self.empty_steps + empty)

    def target(self, gram: Tensor) -> Tensor:
        """Running target cosines `[M, M]`, 0 at the start, in the number type and on the device of `gram`."""
        if self.gradvac_target is None or self.gradvac_target.shape != gram.shape[1:]:
            return torch.zeros_like(gram[0])  # also where a run goes on with other losses
        return self.gradvac_target.to(gram)

    def with_target(self, target: Tensor) -> "HarmonyState":
        """The state with new running target cosines."""
        return replace(self, gradvac_target=target)

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON; waits for the device."""
        target = None if self.gradvac_target is None else self.gradvac_target.tolist()
        return {"version": VERSION, "empty_steps": int(self.empty_steps), "gradvac_target": target}

    @classmethod
    def from_state_dict(cls, saved: Mapping[str, Any]) -> "HarmonyState":
        """Read what `state_dict` wrote, of this version or the one before; raises UserError for another."""
        if saved.get("version") not in (1, VERSION):
            raise UserError(
                f"The harmonizer's state has version {saved.get('version')!r}, this release reads up to {VERSION}.",
                "Continuing would mix two definitions of the harmonizer.",
                "Continue with the release that wrote the checkpoint, or take its weights only (--init).",
            )
        target = saved.get("gradvac_target")
        return cls(
            empty_steps=int(saved["empty_steps"]),
            gradvac_target=None if target is None else torch.tensor(target, dtype=torch.float64),
        )
