"""Balancing of modalities: which one runs ahead, and how its pace is changed."""

from vatt_harmony.balance.balancer import Balancer
from vatt_harmony.balance.evidence import Evidence, Validation
from vatt_harmony.balance.features import Feature
from vatt_harmony.balance.output import BalancedOutput
from vatt_harmony.balance.ratios import ahead, behind
from vatt_harmony.balance.report import Report
from vatt_harmony.balance.rule import Rule
from vatt_harmony.balance.rules import (
    ACC,
    AGM,
    CGGM,
    DGL,
    MLB,
    MSLR,
    OGM,
    OGMGE,
    OPM,
    PMR,
    PRESETS,
    RULES,
    Constant,
    GBlend,
    MMCosine,
    MMPareto,
    MultiLoss,
    NoBalancing,
    make_rule,
)
from vatt_harmony.balance.task import Classification, MultiLabel, Regression
from vatt_harmony.balance.window import Window

__all__ = [
    "ACC", "AGM", "CGGM", "DGL", "MLB", "MSLR", "OGM", "OGMGE", "OPM", "PMR", "PRESETS", "RULES", "BalancedOutput",
    "Balancer", "Classification", "Constant", "Evidence", "Feature", "GBlend", "MMCosine", "MMPareto", "MultiLabel",
    "MultiLoss", "NoBalancing", "Regression", "Report", "Rule", "Validation", "Window", "ahead", "behind", "make_rule",
]  # fmt: skip
