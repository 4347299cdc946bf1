"""Decision fusion: the sum of one linear classifier for each modality."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vatt_harmony.finetune.config import FusionConfig
from vatt_harmony.finetune.models.fusions.widths import Widths
from vatt_harmony.finetune.models.output import EncoderOutput


class SummedDecisions(nn.Module):
    """Sum over modalities of the logits of `heads.m`."""

    def __init__(self, widths: Widths, outputs: int, config: FusionConfig) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({name: nn.Linear(width.pooled, outputs) for name, width in widths.items()})

    def forward(self, features: Mapping[str, EncoderOutput]) -> Tensor:
        """Pooled features `[B, D_m]` -> logits `[B, C]`."""
        return torch.stack([head(features[name].pooled) for name, head in self.heads.items()]).sum(0)
