"""Which samples' losses agree, and what gradient each sample may send into the trunk.

The project's own definition, after Wu et al., arXiv 2211.02077.
"""

from vatt_harmony.harmony.capture import capture_input
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig, PairBalanceConfig
from vatt_harmony.harmony.harmonizer import Harmonized, harmonize
from vatt_harmony.harmony.ledger_config import LedgerConfig
from vatt_harmony.harmony.rules import RULES
from vatt_harmony.harmony.signals import SIGNALS, activation_kernel, gram_at_output
from vatt_harmony.harmony.standalone import Harmonizer, Report
from vatt_harmony.harmony.state import HarmonyState

__all__ = [
    "RULES",
    "SIGNALS",
    "CurriculumConfig",
    "Harmonized",
    "Harmonizer",
    "HarmonyConfig",
    "HarmonyState",
    "LedgerConfig",
    "PairBalanceConfig",
    "Report",
    "activation_kernel",
    "capture_input",
    "gram_at_output",
    "harmonize",
]
