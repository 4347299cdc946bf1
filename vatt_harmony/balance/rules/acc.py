"""ACC: the weaker modality is sped up (ablation of PMR's release, arXiv 2211.07089): OGM's inverse."""

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.ratios import behind
from vatt_harmony.balance.rule import ScoreSource
from vatt_harmony.balance.rules.scored import FusedOnly


def sped(ratio: Tensor, alpha: float) -> Tensor:
    """k = 1 + tanh(alpha r) where r > 1, else 1; `[M]` -> `[M]`. Of two, the weaker's r is the stronger's rho."""
    return torch.where(ratio > 1, 1 + torch.tanh(alpha * ratio), torch.ones_like(ratio))


class ACC(FusedOnly):
    """The fused loss alone; the modality that is behind is sped up. Scores as in OGM."""

    def __init__(self, alpha: float = 0.8, scores: ScoreSource = "slices") -> None:
        super().__init__(scores)
        self.alpha = alpha

    def coefficients(self, evidence: Evidence) -> Tensor:
        return sped(behind(evidence.scores, evidence.present, evidence.lower_is_better), self.alpha)
