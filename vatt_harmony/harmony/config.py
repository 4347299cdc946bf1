"""Options of the harmonizer and its curriculum."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from vatt_harmony.harmony.ledger_config import LedgerConfig

Signal = Literal["last_linear", "representation", "last_block", "exact", "batch"]
Branches = Literal["all", "video"]
Rule = Literal[
    "sum", "pcgrad", "pcgrad_one_sided", "gradvac", "mgda", "cagrad", "imtl_g", "nash", "aligned", "upgrad", "config"
]
Rescale = Literal["to_T", "none"]
Kind = Literal["none", "threshold", "quantile"]
Score = Literal["conflict", "loss", "learnability", "random"]
Shape = Literal["constant", "linear", "cosine"]
Drop = Literal["both", "vt_only"]
Normalise = Literal["kept", "batch"]
OnEmpty = Literal["plain", "zero"]


@dataclass(frozen=True, kw_only=True)
class CurriculumConfig:
    """Which samples are left out, by what score, and when. Only samples with two losses to compare can be dropped."""

    kind: Kind = "none"
    """`threshold`: keep scores above gamma; `quantile`: drop the share q of lowest scores in the global batch."""
    score: Score = "conflict"
    """What the lowest values of which are dropped: `conflict`, the cosine of the losses' gradients; `loss`, minus the
    sum of the sample's losses; `learnability`, that sum minus the `reference` model's (JEST, arXiv 2406.17711);
    `random`, the control that every report needs, a function of (seed, step, row)."""
    reference: str = ""
    """Folder of the trained encoder (a run or an export) that `learnability` compares with."""
    gamma0: float | None = None
    """Threshold at step t0; its scale belongs to the signal it was chosen for."""
    gamma1: float | None = None
    """Threshold from step t1 on."""
    q0: float | None = None
    """Dropped share at step t0."""
    q1: float | None = None
    """Dropped share from step t1 on."""
    t0: int | None = None
    """First step that drops samples."""
    t1: int | None = None
    """Step at which the schedule ends."""
    shape: Shape = "linear"
    """Way from the first value to the second; `constant` needs only the first value and t0."""
    drop: Drop = "both"
    """What a dropped sample loses: `both` (all its losses), or `vt_only` (all but video_audio)."""
    normalise: Normalise = "kept"
    """`kept`: divide by the kept share of pairs (floored at 0.1); `batch`: the step shrinks with the kept share."""
    on_empty: OnEmpty = "plain"
    """If no sample is left: `plain`, the step drops nothing; `zero`, its gradient is zero."""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("kind", Kind),
            ("score", Score),
            ("shape", Shape),
            ("drop", Drop),
            ("normalise", Normalise),
            ("on_empty", OnEmpty),
        ):
            _require_one_of(f"curriculum.{name}", getattr(self, name), get_args(allowed))
        needed = _needed(self.kind, self.shape)
        for name in ("gamma0", "gamma1", "q0", "q1", "t0", "t1"):
            value = getattr(self, name)
            if name in needed and value is None:
                raise ValueError(f"curriculum.{name} is not given, but kind {self.kind}, shape {self.shape} needs it")
            if name not in needed and value is not None:
                raise ValueError(f"curriculum.{name} is {value}, but kind {self.kind}, shape {self.shape} ignores it")
            if value is not None:
                _require_range(name, value, self.score)
        if self.t0 is not None and self.t1 is not None and self.t1 <= self.t0:
            raise ValueError(f"curriculum.t1 is {self.t1}, it must be above t0 = {self.t0}")
        for name in ("gamma0", "gamma1"):
            if self.score == "loss" and (getattr(self, name) or 0.0) > 0:
                raise ValueError(
                    f"curriculum.{name} is {getattr(self, name)}, allowed is <= 0: the score is minus the loss"
                )
        if (self.kind != "none" and self.score == "learnability") != bool(self.reference):
            raise ValueError(
                f"curriculum.reference is {self.reference!r}, but it is needed by score learnability, and by it alone"
            )


@dataclass(frozen=True, kw_only=True)
class PairBalanceConfig:
    """Pace of the pairs' losses: a pair that is behind the others weighs more, one ahead less."""

    enabled: bool = False
    """Multiply each pair's loss by a coefficient made from how well the batch retrieves by each pair."""
    alpha: float = 2.0
    """Steepness of the coefficient k = 1 + (beta - 1) tanh(alpha (r - 1)), r = the other pairs' score over the own."""
    beta_max: float = 2.0
    """Upper bound of the coefficient of a pair that is behind."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.alpha < float("inf"):
            raise ValueError(f"balance.alpha is {self.alpha}, allowed is a finite number >= 0")
        if not 1.0 <= self.beta_max < float("inf"):
            raise ValueError(f"balance.beta_max is {self.beta_max}, allowed is a finite number >= 1")


@dataclass(frozen=True, kw_only=True)
class HarmonyConfig:
    """Per-sample realignment of the losses' gradients at the trunk's output."""

    enabled: bool = True
    """False: plain training, the harmonizer is never called."""
    signal: Signal = "last_linear"
    """Gradients of what are compared: `last_linear`, the last FFN's output matrix; `representation`, the trunk's
    output; `last_block`, all weights of the last block; `exact`, all of the shared encoder; `batch`, all of it, one
    comparison for the whole batch (the classical form). The last two run the trunk again: ZeRO stages 0 and 1."""
    branches: Branches = "all"
    """Branches that are compared and realigned: every shared one, or `video` only (the others stay unscaled)."""
    rule: Rule = "pcgrad"
    """How conflicting gradients are realigned; `sum` leaves them as they are."""
    rescale: Rescale = "to_T"
    """`to_T`: rules that average the losses are multiplied by their number, so that they add up as the others do."""
    gradvac_beta: float = 0.5
    """Rate at which `gradvac` moves its target cosine towards the batch's."""
    cagrad_c: float = 0.5
    """How far `cagrad` may leave the mean gradient, as a share of its norm."""
    w_max: float = 10.0
    """Bound of the rule's weights; without it the smaller of two gradients is strengthened without limit."""
    eps_rel: float = 1e-8
    """A squared norm below this share of its batch mean counts as no gradient."""
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    """Leaving out the samples with the strongest conflict."""
    balance: PairBalanceConfig = field(default_factory=PairBalanceConfig)
    """Keeping the pairs' losses in step."""
    ledger: LedgerConfig = field(default_factory=LedgerConfig)
    """Drawing samples less often that are known to disagree."""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("signal", Signal),
            ("branches", Branches),
            ("rule", Rule),
            ("rescale", Rescale),
        ):
            _require_one_of(name, getattr(self, name), get_args(allowed))
        if self.ledger.enabled and not self.enabled:
            raise ValueError("ledger.enabled is true, but enabled is false: without it nothing compares the losses")
        if not self.w_max >= 1.0:
            raise ValueError(f"w_max is {self.w_max}, allowed is >= 1")
        if not 0.0 <= self.eps_rel < 1.0:
            raise ValueError(f"eps_rel is {self.eps_rel}, allowed is 0 <= eps_rel < 1")
        if self.balance.enabled and not self.enabled:
            raise ValueError("balance.enabled is true, but it is part of the harmonizer, and enabled is false")
        for name in ("gradvac_beta", "cagrad_c"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, allowed is 0 to 1")

    def compared(self, shared: Sequence[str]) -> tuple[str, ...]:
        """Branches that are compared and realigned, of those that go through the `shared` trunk."""
        return tuple(branch for branch in shared if self.branches in ("all", branch))

    def kernel_branches(self, shared: Sequence[str]) -> tuple[str, ...]:
        """Branches whose `activation_kernel` the signal needs; empty if it needs none."""
        return self.compared(shared) if self.enabled and self.signal == "last_linear" else ()

    @property
    def signal_name(self) -> str:
        """Signal with its branches, as it stands beside every cosine and threshold in the logs."""
        return f"{self.signal}/{self.branches}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should be told once at the start."""
        if not self.enabled or self.curriculum.kind != "threshold" or self.curriculum.score != "conflict":
            return ()
        return (
            f"A curriculum threshold holds only for the signal it was chosen with (here {self.signal_name}): cosines "
            "of other signals have another scale. A quantile is portable.",
        )


def _needed(kind: Kind, shape: Shape) -> tuple[str, ...]:
    if kind == "none":
        return ()
    first, second = ("gamma0", "gamma1") if kind == "threshold" else ("q0", "q1")
    return (first, "t0") if shape == "constant" else (first, second, "t0", "t1")


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, allowed are {', '.join(allowed)}")


def _require_range(name: str, value: float, score: Score) -> None:
    any_number = float("inf")
    gamma = (-1.0, 1.0) if score == "conflict" else (-any_number, any_number)
    low, high = {"g": gamma, "q": (0.0, 1.0), "t": (0.0, any_number)}[name[0]]
    if not low <= value <= high:
        raise ValueError(f"curriculum.{name} is {value}, allowed is {low:g} to {high:g}")
