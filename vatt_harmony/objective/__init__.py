"""Representations to losses, over the global batch: NCE and MIL-NCE with masks."""

from vatt_harmony.objective.config import ObjectiveConfig, PairWeights
from vatt_harmony.objective.contrastive import contrastive_losses, recall_at_1, similarities
from vatt_harmony.objective.objective import PairLosses, pair_losses, valid_pairs

__all__ = [
    "ObjectiveConfig",
    "PairLosses",
    "PairWeights",
    "contrastive_losses",
    "pair_losses",
    "recall_at_1",
    "similarities",
    "valid_pairs",
]
