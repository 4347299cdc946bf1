"""Whether balancing fades out by itself: the way of mean |k - 1| through a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Trace = Sequence[Mapping[str, float]]
"""Lines with `step` and `distance`, the mean |k - 1| over modalities."""
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


def phase_out(trace: Trace, threshold: float = SETTLED) -> PhaseOut:
    """The phase-out of a run from its trace; raises ValueError for one without `distance`."""
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


def tell_phase_out(traces: Mapping[str, Sequence[Trace]]) -> str:
    """A sentence on the runs of each named rule: peak and end, means over runs; "" where no k ever moved."""
    told = []
    for name, own in traces.items():
        runs = [phase_out(trace) for trace in own if any("distance" in line for line in trace)]
        if not any(run.peak for run in runs):
            continue
        peak, last = (sum(values) / len(runs) for values in zip(*((run.peak, run.last) for run in runs), strict=True))
        steps = [run.settled for run in runs if run.settled is not None]
        settled = f", below {SETTLED:g} from step {max(steps):,} on" if len(steps) == len(runs) else ""
        told.append(f"{name} {peak:.2f} and {last:.2f}{settled}")
    return f"Mean |k − 1|, at its peak and at the end of training: {'; '.join(told)}." if told else ""
