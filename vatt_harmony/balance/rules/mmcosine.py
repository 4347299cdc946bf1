"""MMCosine: the fusion as a sum of cosines (Xu et al., ICASSP 2023, arXiv 2303.05338)."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from vatt_harmony.balance.fusion import FusionInput, check_whole
from vatt_harmony.balance.rule import Rule


def cosine_logits(features: Mapping[str, Tensor], weight: Tensor, scale: float) -> Tensor:
    """scale x sum_m cos(W_m, z_m), `[B, C]`: features `[B, D_m]`, weight `[C, sum D_m]` in their order, no bias."""
    parts = torch.split(weight, [feature.shape[-1] for feature in features.values()], dim=1)
    cosines = [
        F.normalize(feature, dim=-1) @ F.normalize(part, dim=-1).T
        for feature, part in zip(features.values(), parts, strict=True)
    ]
    return scale * torch.stack(cosines).sum(0)


class MMCosine(Rule):
    """The fused loss alone, of cosines between features and slices of the fusion's weights. scale: 10 to 15."""

    unimodal = False
    needs_slices = True

    def __init__(self, scale: float = 10.0) -> None:
        self.scale = scale

    def fused_logits(self, logits: Tensor, fusion: FusionInput | None) -> Tensor:
        assert fusion is not None  # the rule needs slices
        check_whole(fusion)
        cosines = cosine_logits(fusion.features, fusion.weight, self.scale)
        # The bias has no part in them, but DDP waits for a gradient of every parameter.
        return cosines if fusion.bias is None else cosines + 0 * fusion.bias
