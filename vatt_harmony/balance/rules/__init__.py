"""The rules, one a file, by the names of configurations."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vatt_harmony.balance.rule import Rule
from vatt_harmony.balance.rules.acc import ACC
from vatt_harmony.balance.rules.agm import AGM
from vatt_harmony.balance.rules.cggm import CGGM
from vatt_harmony.balance.rules.constant import Constant
from vatt_harmony.balance.rules.dgl import DGL
from vatt_harmony.balance.rules.gblend import GBlend
from vatt_harmony.balance.rules.mlb import MLB
from vatt_harmony.balance.rules.mmcosine import MMCosine
from vatt_harmony.balance.rules.mmpareto import MMPareto
from vatt_harmony.balance.rules.mslr import MSLR
from vatt_harmony.balance.rules.multiloss import MultiLoss
from vatt_harmony.balance.rules.none import NoBalancing
from vatt_harmony.balance.rules.ogm import OGM
from vatt_harmony.balance.rules.ogm_ge import OGMGE
from vatt_harmony.balance.rules.opm import OPM
from vatt_harmony.balance.rules.pmr import PMR
from vatt_harmony.errors import UserError

__all__ = [
    "ACC", "AGM", "CGGM", "DGL", "MLB", "MSLR", "OGM", "OGMGE", "OPM", "PMR", "PRESETS", "RULES", "Constant", "GBlend",
    "MMCosine", "MMPareto", "MultiLoss", "NoBalancing", "Preset", "make_rule",
]  # fmt: skip

RULES: dict[str, type[Rule]] = {
    "none": NoBalancing,
    "multiloss": MultiLoss,
    "constant": Constant,
    "mlb": MLB,
    "ogm": OGM,
    "ogm_ge": OGMGE,
    "acc": ACC,
    "agm": AGM,
    "mslr": MSLR,
    "mmpareto": MMPareto,
    "gblend": GBlend,
    "pmr": PMR,
    "mmcosine": MMCosine,
    "dgl": DGL,
    "cggm": CGGM,
    "opm": OPM,
}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A rule with options, and how the balancer applies it."""

    rule: str
    options: Mapping[str, Any] = field(default_factory=dict)
    balancer: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `Balancer`."""


PRESETS: dict[str, Preset] = {
    # As released for CREMA-D: under Adam (lr 1e-3, weight decay 1e-4), no clipping. Constant k then does nothing.
    "mlb-faithful": Preset(
        rule="mlb",
        options={"alpha": 0.5, "beta_max": 10.0},
        balancer={"point": "grad", "scale_head": True, "scale_fusion_slice": True},
    ),
}
"""`multiloss` and `mlb` are presets as they stand: defaults, at the point that suits the optimizer."""


def make_rule(name: str, options: Mapping[str, Any]) -> Rule:
    """The rule of this name, or of the preset of this name, with the options; raises UserError for unknown ones."""
    preset = PRESETS.get(name, Preset(rule=name))
    if preset.rule not in RULES:
        raise UserError(
            f"There is no rule {name!r}", "Nothing would be balanced", f"Choose one of {', '.join([*RULES, *PRESETS])}"
        )
    known = inspect.signature(RULES[preset.rule]).parameters
    unknown = options.keys() - known.keys()
    missing = [n for n, p in known.items() if p.default is p.empty and n not in options]
    if unknown or missing:
        wrong = [f"no option {n}" for n in sorted(unknown)] + [f"no value for {n}" for n in missing]
        raise UserError(
            f"The rule {name!r} has {', '.join(wrong)}",
            "It would not do what was asked",
            f"Its options are {', '.join(known) or 'none'}",
        )
    return RULES[preset.rule](**{**preset.options, **options})
