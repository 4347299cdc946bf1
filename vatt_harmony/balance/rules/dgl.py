"""DGL: encoders learn from unimodal losses only (arXiv 2507.10213, ICCV 2025; its abstract)."""

from vatt_harmony.balance.rule import Rule


class DGL(Rule):
    """The fused loss trains the fusion and stops at the features; each encoder learns from its own head's loss."""

    fused_gain = 0.0
