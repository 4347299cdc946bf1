"""OPM: features of the modality that is ahead are dropped (Wei et al., TPAMI 2024): OGM's way in the forward pass."""

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.ratios import ahead
from vatt_harmony.balance.rule import ScoreSource
from vatt_harmony.balance.rules.scored import FusedOnly
from vatt_harmony.randomness import keyed_generator


def drop_rate(rho: Tensor, base: float, alpha: float) -> Tensor:
    """q = base (1 + alpha tanh(rho - 1)) where rho > 1, else 0, within 0 and 1; `[M]` -> `[M]`."""
    return torch.where(rho > 1, base * (1 + alpha * torch.tanh(rho - 1)), torch.zeros_like(rho)).clamp(0.0, 1.0)


class OPM(FusedOnly):
    """The fused loss alone; in a share `often` of the steps the leader's feature vectors are dropped at random.

    base, alpha: of the chance; seed: of which steps. Scores as in OGM.
    """

    def __init__(
        self, base: float = 0.4, alpha: float = 0.5, often: float = 0.7, seed: int = 0, scores: ScoreSource = "slices"
    ) -> None:
        super().__init__(scores)
        self.base, self.alpha, self.often, self.seed = base, alpha, often, seed

    def drop_chances(self, evidence: Evidence, widths: Tensor) -> Tensor:
        rho = ahead(evidence.scores, evidence.present, evidence.lower_is_better)
        if keyed_generator(self.seed, "opm", evidence.step).random() >= self.often:
            return torch.zeros_like(rho)
        return drop_rate(rho, self.base, self.alpha)
