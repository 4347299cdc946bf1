"""OGM: on-the-fly gradient modulation (Peng et al., CVPR 2022, arXiv 2203.15332), without its noise."""

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.ratios import ahead
from vatt_harmony.balance.rule import ScoreSource
from vatt_harmony.balance.rules.scored import FusedOnly


def slowed(rho: Tensor, alpha: float) -> Tensor:
    """k = 1 - tanh(alpha rho) where rho > 1, else 1; `[M]` -> `[M]`. It jumps at rho = 1."""
    return torch.where(rho > 1, 1 - torch.tanh(alpha * rho), torch.ones_like(rho))


class OGM(FusedOnly):
    """The fused loss alone; the modality that is ahead is slowed.

    Scores are the published slices of a linear fusion, or, with `scores="heads"` and any fusion, unimodal heads. With
    more than two modalities rho is over the mean of the others.
    """

    def __init__(self, alpha: float = 0.8, scores: ScoreSource = "slices") -> None:
        super().__init__(scores)
        self.alpha = alpha

    def coefficients(self, evidence: Evidence) -> Tensor:
        return slowed(ahead(evidence.scores, evidence.present, evidence.lower_is_better), self.alpha)
