"""Representations to losses, over the global batch: NCE and MIL-NCE with masks."""

from vatt_harmony.objective.config import ObjectiveConfig, PairWeights
from vatt_harmony.objective.contrastive import Contrast, Retrieval, contrast, similarities
from vatt_harmony.objective.objective import PairLosses, pair_losses, valid_pairs
from vatt_harmony.objective.sharded import Ranks
from vatt_harmony.objective.tiled import tiled_contrast

__all__ = [
    "Contrast",
    "ObjectiveConfig",
    "PairLosses",
    "PairWeights",
    "Ranks",
    "Retrieval",
    "contrast",
    "pair_losses",
    "similarities",
    "tiled_contrast",
    "valid_pairs",
]
