"""Gated fusion: one modality passes through gates that the others open."""

from collections.abc import Mapping

from torch import Tensor, nn

from vatt_harmony.finetune.config import FusionConfig
from vatt_harmony.finetune.models.fusions.widths import Widths
from vatt_harmony.finetune.models.output import EncoderOutput


class GatedFusion(nn.Module):
    """Linear(W z * product over the others of sigmoid(W_n z_n)), all inside at `width`.

    z is the video's feature, or the last modality's where there is no video. With one modality there is no gate.
    """

    def __init__(self, widths: Widths, outputs: int, config: FusionConfig) -> None:
        super().__init__()
        self.gated = modulated_modality(widths)
        self.projections = nn.ModuleDict(
            {name: nn.Linear(width.pooled, config.width) for name, width in widths.items()}
        )
        self.linear = nn.Linear(config.width, outputs)

    def forward(self, features: Mapping[str, EncoderOutput]) -> Tensor:
        """Pooled features `[B, D_m]` -> logits `[B, C]`."""
        projected = {name: layer(features[name].pooled) for name, layer in self.projections.items()}
        z = projected.pop(self.gated)
        for gate in projected.values():
            z = z * gate.sigmoid()
        logits: Tensor = self.linear(z)
        return logits


def modulated_modality(widths: Widths) -> str:
    """The modality that the others act on: the video, as in the MLB experiments, or the last one."""
    return "video" if "video" in widths else list(widths)[-1]
