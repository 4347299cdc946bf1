"""The fused loss and one loss a modality, all of weight 1: what every coefficient has to beat."""

from vatt_harmony.balance.rule import Rule


class MultiLoss(Rule):
    """Fused and unimodal losses, k = 1. A good part of what balancing is said to give comes from these losses alone."""
