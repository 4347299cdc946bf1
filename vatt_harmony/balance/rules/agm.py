"""AGM: adaptive gradient modulation of what each modality adds (Li et al., ICCV 2023, arXiv 2308.07686)."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.rule import Rule
from vatt_harmony.balance.scores import shapley, subsets
from vatt_harmony.balance.step import Step

LARGEST_LOSS = -math.log(1e-8)
"""The released code floors probabilities at 1e-8."""


def confidence(losses: Tensor) -> Tensor:
    """r_m = exp((mean loss - loss_m) M / (M - 1)), `[M]`: above 1 leads. Of two it is exp(loss_other - loss_m)."""
    return torch.exp((losses.mean() - losses) * len(losses) / (len(losses) - 1))


def coefficient(losses: Tensor, running: Tensor, alpha: float, cap: float) -> Tensor:
    """k_m = exp(alpha min(t_m - r_m, cap)), r of this step's losses `[M]`, t of their means over all past steps.

    Who leads by more than it used to is slowed.
    """
    return torch.exp(alpha * (confidence(running) - confidence(losses)).clamp(max=cap))


class AGM(Rule):
    """The fused loss alone, its logits cut into what each modality adds; k on the gradient through each part.

    Parts are Shapley values of the logits over the 2^M - 2 further runs of the fusion, an empty input counting 0; of
    two, phi_a = (F - F_without_a + F_without_v) / 2. cap: 10 in the release for two modalities, 7 in MLB's for more.
    """

    unimodal = False
    needs_removal = True

    def __init__(self, alpha: float = 1.0, cap: float = 10.0) -> None:
        self.alpha, self.cap = alpha, cap
        self._running: dict[str, tuple[float, int]] = {}
        """Mean loss of each part over the steps so far, and their number."""

    def parts(self, step: Step) -> Mapping[str, Tensor]:
        everything = frozenset(step.modalities)
        value = {
            subset: step.logits_without(everything - subset) if subset else torch.zeros_like(step.logits)
            for subset in subsets(step.modalities)
        }
        return shapley(value, step.modalities)

    def sample_scores(self, step: Step) -> Tensor:
        with torch.no_grad():
            parts = torch.stack(list(self.parts(step).values()))
            return step.task.judge(parts, step.targets).losses.clamp(max=LARGEST_LOSS)

    def coefficients(self, evidence: Evidence) -> Tensor:
        here, losses = evidence.present, evidence.scores
        running = losses.new_tensor([self._running.get(name, (0.0, 0))[0] for name in evidence.modalities])
        k = torch.ones_like(losses)
        if here.sum() > 1:
            k[here] = coefficient(losses[here], running[here], self.alpha, self.cap)
        self._remember(evidence)
        return k

    def _remember(self, evidence: Evidence) -> None:
        for name, loss in zip(evidence.modalities, evidence.scores.tolist(), strict=True):
            if math.isfinite(loss):
                past, steps = self._running.get(name, (0.0, 0))
                self._running[name] = past + (loss - past) / (steps + 1), steps + 1

    def state_dict(self) -> dict[str, Any]:
        return {"running": dict(self._running)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._running = {name: tuple(pair) for name, pair in state["running"].items()}
