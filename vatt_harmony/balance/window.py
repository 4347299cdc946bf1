"""When balancing acts, and how strongly."""

from dataclasses import dataclass

from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Window:
    """The optimizer steps in which a rule acts, and the smoothing of its scores."""

    start: int = 0
    """First step at which it acts."""
    end: int | None = None
    """Step from which on it no longer acts."""
    ramp: int = 0
    """Steps over which k goes from 1 to what the rule says."""
    ema: float = 0.0
    """Weight of the past in an exponential mean of the scores; 0 takes each step's own."""

    def __post_init__(self) -> None:
        if self.start < 0 or self.ramp < 0 or (self.end is not None and self.end < self.start):
            raise UserError(
                f"The window has start {self.start}, end {self.end}, ramp {self.ramp}",
                "Balancing would never act",
                "Give 0 <= start <= end and ramp >= 0",
            )
        if not 0 <= self.ema < 1:
            raise UserError(
                f"The window's ema is {self.ema}", "Scores would never move, or without bound", "Give 0 <= ema < 1"
            )

    def strength(self, step: int) -> float:
        """Share of k - 1 that acts at this step: 0 outside, 1 inside, rising over the ramp."""
        if step < self.start or (self.end is not None and step >= self.end):
            return 0.0
        return min(1.0, (step - self.start + 1) / self.ramp) if self.ramp else 1.0
