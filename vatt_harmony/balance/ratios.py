"""How far a modality is behind, or ahead of, the mean of the others: the one number that coefficients are made of."""

import torch
from torch import Tensor

LEAST_SCORE = 1e-6
LARGEST_RATIO = 20.0
"""Ratios are kept within 1 / 20 and 20, where the coefficients have long saturated."""


def behind(scores: Tensor, present: Tensor, lower_is_better: bool = False) -> Tensor:
    """r `[M]`: mean score of the others over one's own; above 1 is behind.

    scores `[M]`; present, bool `[M]`: only modalities that are there count, and all get 1 where fewer than two are.
    With `lower_is_better` (an error) it is the inverse, so that above 1 is behind again. A present modality whose
    score is not finite makes all of them NaN.
    """
    own = torch.where(present, scores.clamp(min=LEAST_SCORE), torch.zeros_like(scores))
    others = (own.sum() - own) / (present.sum() - 1).clamp(min=1)
    ratio = own / others if lower_is_better else others / own
    ratio = ratio.clamp(1 / LARGEST_RATIO, LARGEST_RATIO)
    return torch.where(present & (present.sum() > 1), ratio, torch.ones_like(ratio))


def ahead(scores: Tensor, present: Tensor, lower_is_better: bool = False) -> Tensor:
    """rho `[M]`, as in OGM: one's own score over the mean of the others; above 1 is ahead."""
    return behind(scores, present, lower_is_better).reciprocal()
