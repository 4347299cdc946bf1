"""MLB: multi-loss balanced gradient modulation (Kontras et al., BMVC 2024, arXiv 2405.07930)."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.ratios import behind
from vatt_harmony.balance.rule import ScoreSource
from vatt_harmony.balance.rules.ogm import slowed
from vatt_harmony.balance.rules.scored import Scored
from vatt_harmony.errors import UserError

Variant = Literal["tanh", "linear", "all_linear", "softmax", "ogm"]


def tanh(ratio: Tensor, alpha: float, beta_max: float) -> Tensor:
    """k = 1 + (beta - 1) tanh(alpha (r - 1)), beta = beta_max where r > 1 and 2 elsewhere; `[M]` -> `[M]`.

    Continuous, 1 at r = 1, within (1 - tanh alpha, beta_max): what is behind is sped up, what is ahead slowed.
    """
    reach = 1 + (beta_max - 2) * (ratio > 1).to(ratio.dtype)
    return 1 + reach * torch.tanh(alpha * (ratio - 1))


def linear(ratio: Tensor, alpha: float) -> Tensor:
    """k = 1 + alpha (r - 1) where r > 1, without bound; below as `tanh`."""
    return torch.where(ratio > 1, 1 + alpha * (ratio - 1), 1 + torch.tanh(alpha * (ratio - 1)))


def all_linear(ratio: Tensor, alpha: float) -> Tensor:
    """k = alpha r: 1 only at r = 1 / alpha."""
    return alpha * ratio


def softmax(scores: Tensor, ratio: Tensor, present: Tensor, alpha: float) -> Tensor:
    """k = 1 + alpha (q - 1/2) where r > 1/2, else 1 + tanh(alpha (q - 1/2)), q = softmax(alpha s) of one's OWN score.

    So the leader is accelerated, which looks like a slip of the released code; kept for comparison only.
    """
    q = (alpha * scores).masked_fill(~present, -torch.inf).softmax(0)
    return torch.where(ratio > 0.5, 1 + alpha * (q - 0.5), 1 + torch.tanh(alpha * (q - 0.5)))


class MLB(Scored):
    """Fused and unimodal losses of weight 1, and k from the scores of the same step; no state.

    alpha: steepness; beta_max: the largest k. variant: one of the released forms, of which only `tanh` uses beta_max.
    scores: what s_m is computed from. stopgrad: unimodal heads on detached features (`linear_stopgrad`).
    """

    def __init__(
        self,
        alpha: float = 2.0,
        beta_max: float = 2.0,
        variant: Variant = "tanh",
        scores: ScoreSource = "heads",
        stopgrad: bool = False,
    ) -> None:
        if alpha < 0 or beta_max < 1:
            raise UserError(
                f"MLB has alpha {alpha} and beta_max {beta_max}",
                "It would slow the modality that is behind",
                "Give alpha 0 or more and beta_max 1 or more",
            )
        if variant not in VARIANTS:
            raise UserError(
                f"MLB has no variant {variant!r}", "No coefficient is defined", f"Choose one of {', '.join(VARIANTS)}"
            )
        super().__init__(scores)
        self.alpha, self.beta_max, self.variant = alpha, beta_max, variant
        self.unimodal_gain = 0.0 if stopgrad else 1.0

    def coefficients(self, evidence: Evidence) -> Tensor:
        ratio = behind(evidence.scores, evidence.present, evidence.lower_is_better)
        k = VARIANTS[self.variant](self, evidence, ratio)
        return torch.where(evidence.present & (evidence.present.sum() > 1), k, torch.ones_like(k))


VARIANTS: dict[str, Callable[[MLB, Evidence, Tensor], Tensor]] = {
    "tanh": lambda rule, evidence, ratio: tanh(ratio, rule.alpha, rule.beta_max),
    "linear": lambda rule, evidence, ratio: linear(ratio, rule.alpha),
    "all_linear": lambda rule, evidence, ratio: all_linear(ratio, rule.alpha),
    "softmax": lambda rule, evidence, ratio: softmax(evidence.scores, ratio, evidence.present, rule.alpha),
    # OGM's form, but of the inverse ratio: it slows what is BEHIND. A slip of the released code, for comparison only.
    "ogm": lambda rule, evidence, ratio: slowed(ratio, rule.alpha),
}
