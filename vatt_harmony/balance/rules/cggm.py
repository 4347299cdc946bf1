"""CGGM: coefficients from each modality's gain of accuracy (Guo et al., NeurIPS 2024, arXiv 2411.01409)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.rule import Rule


def coefficient(gains: Tensor, rho: float) -> Tensor:
    """k_m = rho (sum d - d_m) / (sum d + 1e-8), of the changes of accuracy d `[M]`; may be negative or unbounded."""
    total = gains.sum()
    return rho * (total - gains) / (total + 1e-8)


class CGGM(Rule):
    """The fused loss alone; heads learn on detached features, and who gained most accuracy since last step is slowed.

    Where the accuracies together did not rise k is 1, and it is kept within 0 and `largest`: the published formula is
    not bounded. The published term on directions is left out: the release computes it from parameters, one step late.
    """

    unimodal_gain = 0.0

    def __init__(self, rho: float = 1.3, largest: float = 5.0) -> None:
        self.rho, self.largest = rho, largest
        self._last: dict[str, float] = {}

    def coefficients(self, evidence: Evidence) -> Tensor:
        before = [self._last.get(name, torch.nan) for name in evidence.modalities]
        gains = evidence.accuracies - evidence.accuracies.new_tensor(before)
        here = zip(evidence.modalities, evidence.accuracies.tolist(), evidence.present.tolist(), strict=True)
        self._last |= {name: accuracy for name, accuracy, present in here if present}
        known = gains.isfinite()
        gains = gains.where(known, torch.zeros_like(gains))
        if known.sum() < 2 or gains.sum() <= 1e-8:
            return torch.ones_like(gains)
        k = coefficient(gains[known], self.rho).clamp(0.0, self.largest)
        return torch.ones_like(gains).masked_scatter(known, k)

    def state_dict(self) -> dict[str, Any]:
        return {"last": dict(self._last)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._last = dict(state["last"])
