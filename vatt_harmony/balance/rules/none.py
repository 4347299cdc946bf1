"""No balancing: the fused loss alone, bit for bit what training without a balancer gives."""

from vatt_harmony.balance.rule import Rule


class NoBalancing(Rule):
    """The fused loss alone; no unimodal heads."""

    unimodal = False
