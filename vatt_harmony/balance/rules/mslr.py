"""MSLR: modality-specific learning rates from validation accuracies (Yao and Mihalcea, Findings of ACL 2022)."""

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from vatt_harmony.balance.evidence import Evidence, Validation
from vatt_harmony.balance.rule import Rule

AUTHORS = {"audio": 0.9, "video": 1.1}


def rate(accuracy: float, previous: list[float], init: float, memory: int) -> float:
    """k = init x accuracy / mean of the last `memory` accuracies before it; init until so many are known."""
    if len(previous) < memory or (mean := sum(previous[-memory:]) / memory) <= 0:
        return init
    return init * accuracy / mean


class MSLR(Rule):
    """The fused loss alone, as in MLB's port; heads learn on detached features and are judged after each epoch.

    memory: epochs whose mean is compared with; init: factor of each modality, 1 for those not named.
    """

    needs_validation: ClassVar[bool] = True
    unimodal_gain = 0.0

    def __init__(self, memory: int = 5, init: Mapping[str, float] = AUTHORS) -> None:
        self.memory, self.init = memory, dict(init)
        self._rates: dict[str, float] = {}
        self._known: dict[str, deque[float]] = {}

    def coefficients(self, evidence: Evidence) -> Tensor:
        rates = [self._rates.get(name, self.init.get(name, 1.0)) for name in evidence.modalities]
        return evidence.scores.new_tensor(rates)

    def end_epoch(self, validation: Validation | None) -> None:
        assert validation is not None  # the balancer sees to it
        for name, accuracy in validation.accuracies.items():
            if name == "fused":
                continue
            known = self._known.setdefault(name, deque(maxlen=self.memory))
            self._rates[name] = rate(accuracy, list(known), self.init.get(name, 1.0), self.memory)
            known.append(accuracy)

    def state_dict(self) -> dict[str, Any]:
        return {"rates": dict(self._rates), "known": {name: list(values) for name, values in self._known.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._rates = dict(state["rates"])
        self._known = {name: deque(values, maxlen=self.memory) for name, values in state["known"].items()}
