"""Feature-wise linear modulation (Perez et al., arXiv 1709.07871) of one modality by the others."""

from collections.abc import Mapping

from torch import Tensor, nn

from vatt_harmony.finetune.config import FusionConfig
from vatt_harmony.finetune.models.fusions.gated import modulated_modality
from vatt_harmony.finetune.models.fusions.widths import Widths
from vatt_harmony.finetune.models.output import EncoderOutput


class FilmFusion(nn.Module):
    """z <- gamma(z_n) z + beta(z_n), then a linear layer.

    z is the video's feature, or the last modality's where there is no video. With more than two modalities the others
    modulate it one after the other, in the order of the configuration; with one there is only the linear layer.
    """

    def __init__(self, widths: Widths, outputs: int, config: FusionConfig) -> None:
        super().__init__()
        self.modulated = modulated_modality(widths)
        width = widths[self.modulated].pooled
        self.conditions = nn.ModuleDict(
            {name: nn.Linear(other.pooled, 2 * width) for name, other in widths.items() if name != self.modulated}
        )
        self.linear = nn.Linear(width, outputs)

    def forward(self, features: Mapping[str, EncoderOutput]) -> Tensor:
        """Pooled features `[B, D_m]` -> logits `[B, C]`."""
        z = features[self.modulated].pooled
        for name, condition in self.conditions.items():
            gamma, beta = condition(features[name].pooled).chunk(2, dim=1)
            z = gamma * z + beta
        logits: Tensor = self.linear(z)
        return logits
