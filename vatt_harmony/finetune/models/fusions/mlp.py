"""Non-linear late fusion."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vatt_harmony.finetune.config import FusionConfig
from vatt_harmony.finetune.models.fusions.widths import Widths
from vatt_harmony.finetune.models.output import EncoderOutput


class MlpFusion(nn.Module):
    """Projections to `width` summed, then ReLU, dropout, linear, ReLU, dropout, linear."""

    def __init__(self, widths: Widths, outputs: int, config: FusionConfig) -> None:
        super().__init__()
        inner = config.width
        self.projections = nn.ModuleDict({name: nn.Linear(width.pooled, inner) for name, width in widths.items()})
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(inner, inner),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(inner, outputs),
        )

    def forward(self, features: Mapping[str, EncoderOutput]) -> Tensor:
        """Pooled features `[B, D_m]` -> logits `[B, C]`."""
        projected = [projection(features[name].pooled) for name, projection in self.projections.items()]
        logits: Tensor = self.layers(torch.stack(projected).sum(0))
        return logits
