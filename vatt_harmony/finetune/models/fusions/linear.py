"""Late fusion: one linear layer over the concatenated features."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vatt_harmony.finetune.config import FusionConfig
from vatt_harmony.finetune.models.fusions.widths import Widths
from vatt_harmony.finetune.models.output import EncoderOutput


class LinearFusion(nn.Module):
    """Sum over modalities of W_m z_m + b / M."""

    def __init__(self, widths: Widths, outputs: int, config: FusionConfig) -> None:
        super().__init__()
        self.modalities = list(widths)
        self.linear = nn.Linear(sum(width.pooled for width in widths.values()), outputs)

    def forward(self, features: Mapping[str, EncoderOutput]) -> Tensor:
        """Pooled features `[B, D_m]` -> logits `[B, C]`."""
        logits: Tensor = self.linear(torch.cat([features[name].pooled for name in self.modalities], dim=1))
        return logits
