"""OGM-GE: OGM with noise on the encoders' gradients (Peng et al., CVPR 2022, arXiv 2203.15332)."""

from typing import ClassVar

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.rules.ogm import OGM

LEAST = 1e-3


def with_noise(gradient: Tensor, k: Tensor, generator: torch.Generator) -> Tensor:
    """k g + N(0, std(g)^2): the deviation is of the gradient BEFORE k, over all of one tensor, + 1e-8."""
    noise = torch.empty_like(gradient).normal_(generator=generator)
    return gradient * k + noise * (gradient.std(correction=0) + 1e-8)


class OGMGE(OGM):
    """OGM, and noise for every modality in every step; on all tensors of the encoders, the release's on 4-D ones.

    Draws are the same on all ranks, each times its own gradient's deviation, so that averaging over ranks does not
    thin them out; they differ between micro-batches. Noise is not scaled by k, at `lr` neither.
    """

    noisy: ClassVar[bool] = True

    def coefficients(self, evidence: Evidence) -> Tensor:
        # The gradient arrives scaled: of k = 0, which tanh reaches, what it was before could not be told.
        return super().coefficients(evidence).clamp(min=LEAST)

    def disturb(self, gradient: Tensor, k: Tensor, generator: torch.Generator) -> Tensor:
        return with_noise(gradient, k, generator)
