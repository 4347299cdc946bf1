"""Representations to losses, over the global batch: NCE and MIL-NCE with masks."""

from vatt_harmony.objective.config import ObjectiveConfig, PairWeights
from vatt_harmony.objective.contrastive import Contrast, LogSums, contrast, recall_at_1, similarities
from vatt_harmony.objective.objective import PairLosses, pair_losses, valid_pairs
from vatt_harmony.objective.sharded import Share
from vatt_harmony.objective.tiled import tiled_contrast

__all__ = [
    "Contrast",
    "LogSums",
    "ObjectiveConfig",
    "PairLosses",
    "PairWeights",
    "Share",
    "contrast",
    "pair_losses",
    "recall_at_1",
    "similarities",
    "tiled_contrast",
    "valid_pairs",
]
