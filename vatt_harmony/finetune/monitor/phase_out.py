"""Whether balancing fades out by itself: the way of mean |k - 1| through a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SETTLED = 0.1
"""Mean |k - 1| below which balancing counts as faded out: coefficients within a tenth of 1."""


@dataclass(frozen=True, kw_only=True)
class PhaseOut:
    """What the curve of mean |k - 1| comes to; steps are optimizer steps."""

    peak: float
    """Its highest value."""
    last: float
    """Its mean over the last tenth of the run."""
    settled: int | None
    """The first step from which on it stays below the threshold; None where it does not."""

    @property
    def remaining(self) -> float:
        """The share of the peak that is left at the end; 0 where nothing was balanced."""
        return self.last / self.peak if self.peak else 0.0


def phase_out(trace: Sequence[Mapping[str, float]], threshold: float = SETTLED) -> PhaseOut:
    """The phase-out of a run from its trace, lines with `step` and `distance`; raises ValueError for an empty one."""
    points = [(int(line["step"]), line["distance"]) for line in trace if "distance" in line]
    if not points:
        raise ValueError("the trace holds no `distance`, so nothing is known of the phase-out")
    tail = [distance for _, distance in points[-max(1, len(points) // 10) :]]
    above = [number for number, (_, distance) in enumerate(points) if not distance < threshold]
    first = above[-1] + 1 if above else 0
    return PhaseOut(
        peak=max(distance for _, distance in points),
        last=sum(tail) / len(tail),
        settled=points[first][0] if first < len(points) else None,
    )
