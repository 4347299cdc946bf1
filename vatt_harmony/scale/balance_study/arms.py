"""The arms of the study, each with its six settings; docs/balancing/protocol.md says why these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Optimizer = Literal["SGD", "AdamW", "Adam"]
RATES: Mapping[Optimizer, tuple[float, ...]] = {
    "SGD": (0.04, 0.1, 0.25),
    "AdamW": (0.004, 0.01, 0.025),
    "Adam": (0.004, 0.01, 0.025),
}
"""The same for every arm, so that no rule may train faster than another."""
DECAY: Mapping[Optimizer, float] = {"SGD": 1e-4, "AdamW": 1e-2, "Adam": 1e-4}
"""Weight decay: decoupled with AdamW."""
STRONGER = 10.0
ALONE, JOINT, MULTILOSS, CONSTANT = "alone", "joint", "multiloss", "constant"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is chosen on validation clips."""

    rate: float
    """Peak learning rate."""
    decay: float
    """Weight decay."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the rule."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train."""

    name: str
    optimizer: Optimizer
    rule: str
    """Key of `vatt_harmony.balance.rules.RULES`; "alone" trains each modality's network for itself."""
    point: str
    settings: tuple[Setting, ...]
    control_of: str = ""
    """The arm whose mean k, of the tuning run with the same place among the settings, is held constant."""


def arms() -> tuple[Arm, ...]:
    """All arms, in the order in which they are run."""
    return (
        *(arm for optimizer in ("SGD", "AdamW") for arm in _family(optimizer)),
        _plain("mlb-faithful, Adam", "Adam", "mlb-faithful", "grad"),
        *PEERS,
    )


def arm_named(name: str) -> Arm:
    """The arm of this name."""
    return next(arm for arm in arms() if arm.name == name)


def family(optimizer: Optimizer, name: str) -> str:
    """Name of the arm `name` in an optimiser's family; what ran with Adam is compared with AdamW."""
    return f"{name}, {'AdamW' if optimizer == 'Adam' else optimizer}"


def _plain(name: str, optimizer: Optimizer, rule: str, point: str = "auto") -> Arm:
    """A rule without a dial: weight decay takes its place, so that all arms have as many settings."""
    own = DECAY[optimizer]
    settings = tuple(Setting(rate=r, decay=decay) for r in RATES[optimizer] for decay in (own, STRONGER * own))
    return Arm(name=name, optimizer=optimizer, rule=rule, point=point, settings=settings)


def _dialled(
    name: str, optimizer: Optimizer, rule: str, *dials: Mapping[str, Any], point: str = "auto", control_of: str = ""
) -> Arm:
    decay = DECAY[optimizer]
    settings = tuple(Setting(rate=r, decay=decay, options=dial) for r in RATES[optimizer] for dial in dials)
    return Arm(name=name, optimizer=optimizer, rule=rule, point=point, settings=settings, control_of=control_of)


def _family(optimizer: Optimizer) -> tuple[Arm, ...]:
    """The arms that are run with both optimisers."""
    points = ("grad", "lr", "loss")
    own = "grad" if optimizer == "SGD" else "lr"
    return (
        *(_plain(family(optimizer, name), optimizer, rule) for name, rule in PLAIN.items()),
        *(
            _dialled(family(optimizer, f"mlb {point}"), optimizer, "mlb", {"alpha": 0.5}, {"alpha": 2.0}, point=point)
            for point in points
        ),
        _dialled(
            family(optimizer, CONSTANT), optimizer, CONSTANT, {}, {},
            point=own, control_of=family(optimizer, f"mlb {own}"),
        ),
    )  # fmt: skip


PLAIN = {ALONE: ALONE, JOINT: "none", MULTILOSS: MULTILOSS}
_BOTH_WAYS = ({"init": {"picture": 1.1, "sound": 0.9}}, {"init": {"picture": 0.9, "sound": 1.1}})
PEERS = (
    _dialled("ogm", "SGD", "ogm", {"alpha": 0.2}, {"alpha": 0.8}),
    _dialled("ogm_ge", "SGD", "ogm_ge", {"alpha": 0.2}, {"alpha": 0.8}),
    _dialled("acc", "SGD", "acc", {"alpha": 0.2}, {"alpha": 0.8}),
    _dialled("agm", "SGD", "agm", {"alpha": 1.0}, {"alpha": 2.0}),
    _dialled("mslr", "SGD", "mslr", *_BOTH_WAYS),
    _dialled("mmpareto", "SGD", "mmpareto", {"gamma": 1.0}, {"gamma": 1.5}),
    _dialled("gblend", "SGD", "gblend", {"super_epoch": 2}, {"super_epoch": 4}),
    # An epoch has 6 batches in GRID; with fewer, prototypes of 25 letters would rest on one clip or two.
    _dialled("pmr", "SGD", "pmr", {"alpha": 0.5, "prototype_steps": 6}, {"alpha": 1.5, "prototype_steps": 6}),
    _dialled("mmcosine", "SGD", "mmcosine", {"scale": 5.0}, {"scale": 10.0}),
    _plain("dgl", "SGD", "dgl"),
    _dialled("cggm", "SGD", "cggm", {"rho": 1.0}, {"rho": 1.3}),
    _dialled("opm", "SGD", "opm", {"base": 0.2}, {"base": 0.4}),
)
"""Run with SGD, which most of them were published with, and where a factor on a gradient is what it says."""
