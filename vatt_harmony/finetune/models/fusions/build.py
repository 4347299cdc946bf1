"""The fusions by name."""

from torch import nn

from vatt_harmony.finetune.config import FusionConfig
from vatt_harmony.finetune.models.fusions.film import FilmFusion
from vatt_harmony.finetune.models.fusions.gated import GatedFusion
from vatt_harmony.finetune.models.fusions.linear import LinearFusion
from vatt_harmony.finetune.models.fusions.mlp import MlpFusion
from vatt_harmony.finetune.models.fusions.summed import SummedDecisions
from vatt_harmony.finetune.models.fusions.transformer import TransformerFusion
from vatt_harmony.finetune.models.fusions.widths import Widths

FUSIONS: dict[str, type[nn.Module]] = {
    "linear": LinearFusion,
    "sum": SummedDecisions,
    "mlp": MlpFusion,
    "film": FilmFusion,
    "gated": GatedFusion,
    "transformer": TransformerFusion,
}


def build_fusion(config: FusionConfig, widths: Widths, outputs: int) -> nn.Module:
    """The fusion of features of `widths` to `outputs` logits, for any number of modalities."""
    return FUSIONS[config.kind](widths, outputs, config)
