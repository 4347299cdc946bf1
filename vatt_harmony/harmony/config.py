"""Options of the harmonizer and its curriculum."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

Signal = Literal["last_linear", "representation"]
Branches = Literal["all", "video"]
Rule = Literal["sum", "pcgrad"]
Kind = Literal["none", "threshold", "quantile"]
Shape = Literal["constant", "linear", "cosine"]
Drop = Literal["both", "vt_only"]
Normalise = Literal["kept", "batch"]
OnEmpty = Literal["plain", "zero"]


@dataclass(frozen=True, kw_only=True)
class CurriculumConfig:
    """Which samples, judged by the cosine of their losses' gradients, are left out, and when."""

    kind: Kind = "none"
    """`threshold`: keep cosines above gamma; `quantile`: drop the share q of lowest cosines in the global batch."""
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
                _require_range(name, value)
        if self.t0 is not None and self.t1 is not None and self.t1 <= self.t0:
            raise ValueError(f"curriculum.t1 is {self.t1}, it must be above t0 = {self.t0}")


@dataclass(frozen=True, kw_only=True)
class HarmonyConfig:
    """Per-sample realignment of the losses' gradients at the trunk's output."""

    enabled: bool = True
    """False: plain training, the harmonizer is never called."""
    signal: Signal = "last_linear"
    """What is compared: gradients of the last FFN's output matrix, or of the `representation`."""
    branches: Branches = "all"
    """Branches that are compared and realigned: every shared one, or `video` only (the others stay unscaled)."""
    rule: Rule = "pcgrad"
    """How conflicting gradients are realigned; `sum` leaves them as they are."""
    w_max: float = 10.0
    """Upper bound of the rule's weights; without it the smaller of two gradients is strengthened without limit."""
    eps_rel: float = 1e-8
    """A squared norm below this share of its batch mean counts as no gradient."""
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    """Leaving out the samples with the strongest conflict."""

    def __post_init__(self) -> None:
        for name, allowed in (("signal", Signal), ("branches", Branches), ("rule", Rule)):
            _require_one_of(name, getattr(self, name), get_args(allowed))
        if not self.w_max >= 1.0:
            raise ValueError(f"w_max is {self.w_max}, allowed is >= 1")
        if not 0.0 <= self.eps_rel < 1.0:
            raise ValueError(f"eps_rel is {self.eps_rel}, allowed is 0 <= eps_rel < 1")

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
        if not self.enabled or self.curriculum.kind != "threshold":
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


def _require_range(name: str, value: float) -> None:
    low, high = {"g": (-1.0, 1.0), "q": (0.0, 1.0), "t": (0.0, float("inf"))}[name[0]]
    if not low <= value <= high:
        raise ValueError(f"curriculum.{name} is {value}, allowed is {low:g} to {high:g}")
