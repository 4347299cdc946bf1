"""The same k in every step: the control that tells balancing from plain re-weighting."""

from collections.abc import Mapping

from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.rule import Rule
from vatt_harmony.errors import UserError


class Constant(Rule):
    """Multi-loss training with k fixed a modality, such as the time average of another rule's; 1 where none is given.

    At the point `grad` under Adam a constant does nothing at all.
    """

    def __init__(self, k: Mapping[str, float]) -> None:
        self.k = dict(k)

    def coefficients(self, evidence: Evidence) -> Tensor:
        unknown = self.k.keys() - set(evidence.modalities)
        if unknown:
            raise UserError(
                f"The rule `constant` has a coefficient for {', '.join(sorted(unknown))}",
                "It would act on no modality",
                f"Name modalities of the balancer: {', '.join(evidence.modalities)}",
            )
        return evidence.scores.new_tensor([self.k.get(name, 1.0) for name in evidence.modalities])
