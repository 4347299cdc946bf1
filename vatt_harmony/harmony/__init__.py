"""Which samples' losses agree, and what gradient each sample may send into the trunk.

The project's own definition, after Wu et al., arXiv 2211.02077.
"""

from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.harmonizer import Harmonized, HarmonyState, harmonize
from vatt_harmony.harmony.rules import RULES
from vatt_harmony.harmony.signals import SIGNALS, activation_kernel

__all__ = [
    "RULES",
    "SIGNALS",
    "CurriculumConfig",
    "Harmonized",
    "HarmonyConfig",
    "HarmonyState",
    "activation_kernel",
    "harmonize",
]
