"""Rules: from one sample's Gram matrix of loss gradients to the weights with which the gradients are added up.

A rule is a pure function of (gram `[B, M, M]`, active bool `[B, M]`, options) and gives weights `[B, M]` in the type of
gram, without waiting for the device. The active losses of a sample are treated as if there were no others, whatever
gram holds of those; an inactive loss, or one that is active alone, has weight 1. Definitions and scales are those of
TorchJD's aggregators, except where a rule says otherwise.
"""

from vatt_harmony.harmony.rules.aligned import aligned
from vatt_harmony.harmony.rules.cagrad import cagrad
from vatt_harmony.harmony.rules.conflict_free import config
from vatt_harmony.harmony.rules.gradvac import gradvac, gradvac_target
from vatt_harmony.harmony.rules.imtl_g import imtl_g
from vatt_harmony.harmony.rules.mgda import mgda
from vatt_harmony.harmony.rules.nash import nash
from vatt_harmony.harmony.rules.options import Rule, RuleOptions
from vatt_harmony.harmony.rules.pcgrad import pcgrad, pcgrad_one_sided
from vatt_harmony.harmony.rules.plain_sum import plain_sum
from vatt_harmony.harmony.rules.upgrad import upgrad

__all__ = ["NORMALISED", "RULES", "Rule", "RuleOptions", "gradvac_target", "pcgrad", "plain_sum"]

RULES: dict[str, Rule] = {
    "sum": plain_sum,
    "pcgrad": pcgrad,
    "pcgrad_one_sided": pcgrad_one_sided,
    "gradvac": gradvac,
    "mgda": mgda,
    "cagrad": cagrad,
    "imtl_g": imtl_g,
    "nash": nash,
    "aligned": aligned,
    "upgrad": upgrad,
    "config": config,
}

NORMALISED = frozenset({"mgda", "cagrad", "imtl_g", "aligned", "upgrad"})
"""Rules that average the losses: their weights times the number of active losses add up on the scale of `sum`."""
