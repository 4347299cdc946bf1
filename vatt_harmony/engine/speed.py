"""How fast the run is, who waits, and the share of the device's peak where that is known."""

import resource
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vatt_harmony.engine.agreement import gather_over_ranks
from vatt_harmony.engine.report import DATA, HEALTH, SPEED

# Dense bf16/fp16 FLOP/s by the exact name torch reports; makers' data sheets, without sparsity.
# Exact because prefixes lie: the PCIe card and the NVL of one family are slower than the SXM, a MIG slice far slower.
PEAK_FLOPS = {
    "NVIDIA H200": 989e12,
    "NVIDIA H100 80GB HBM3": 989e12,
    "NVIDIA GH200 480GB": 989e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA A100-SXM4-80GB": 312e12,
    "NVIDIA A100-SXM4-40GB": 312e12,
    "NVIDIA A100 80GB PCIe": 312e12,
    "NVIDIA A100-PCIE-40GB": 312e12,
    "NVIDIA L40S": 362e12,
    "NVIDIA L4": 121e12,
}


def peak_flops(device_name: str, dtype: torch.dtype) -> float | None:
    """Dense FLOP/s of the named device at `dtype`, or None where it is not known: no MFU beats a wrong one."""
    return PEAK_FLOPS.get(device_name) if dtype in (torch.bfloat16, torch.float16) else None


@dataclass(frozen=True, kw_only=True)
class StepTiming:
    """One step as one rank saw it."""

    triplets: int
    """Triplets of the global batch."""
    seconds: float
    """From the end of the previous step to the end of this one."""
    waiting: float
    """Seconds of it spent waiting for data."""
    busy: float
    """Seconds of it until this rank was ready for the step's first collective: waiting plus its own forward."""


class SpeedMeter:
    """Collects the steps of the last `horizon` triplets: in triplets, so that batch size and ranks do not change it."""

    def __init__(
        self, device: torch.device, *, flops_per_triplet: float | None, peak: float | None, horizon: int = 20_000
    ) -> None:
        """`flops_per_triplet`: of training (three times the forward), recomputation not credited;
        `peak`: FLOP/s of one device. MFU is reported only where both are known."""
        self.device = device
        self.flops_per_triplet = flops_per_triplet
        self.peak = peak
        self.horizon = horizon
        self._steps: deque[StepTiming] = deque()

    def add(self, step: StepTiming) -> None:
        """Take one step into the window; the newest always stays."""
        self._steps.append(step)
        while len(self._steps) > 1 and sum(kept.triplets for kept in self._steps) > self.horizon:
            self._steps.popleft()

    def scalars(self) -> dict[str, dict[str, float]]:
        """Group → name → figure over the window; empty before the first step. All ranks must call it."""
        if not self._steps:
            return {}
        seconds = sum(kept.seconds for kept in self._steps)
        waiting = sum(kept.waiting for kept in self._steps)
        busy = sum(kept.busy for kept in self._steps)
        rows = gather_over_ranks([seconds, waiting, busy, peak_memory(self.device)], self.device)
        triplets = sum(kept.triplets for kept in self._steps)
        return summarise(rows, triplets, len(self._steps), flops_per_triplet=self.flops_per_triplet, peak=self.peak)


def summarise(
    rows: Sequence[Sequence[float]], triplets: int, steps: int, *, flops_per_triplet: float | None, peak: float | None
) -> dict[str, dict[str, float]]:
    """Group → name → figure of a window of `steps` steps and `triplets` triplets. Pure.

    `rows`: (seconds, waiting, busy, peak GiB), one row per rank, times summed over the window. The window lasts as
    long as its slowest rank; the waiting share is the largest of all ranks, since one waiting rank holds up the rest.
    """
    seconds = max(row[0] for row in rows)
    busy = [row[2] for row in rows]
    per_device = triplets / seconds / len(rows)
    speed = {
        "triplets_per_second_per_device": per_device,
        "step_seconds": seconds / steps,
        "slowest_rank": float(busy.index(max(busy))),
        "slowest_rank_behind_mean_seconds": (max(busy) - sum(busy) / len(busy)) / steps,
    }
    if flops_per_triplet is not None and peak is not None:
        speed["mfu"] = per_device * flops_per_triplet / peak
    return {
        DATA: {"waiting_share": max(row[1] / row[0] for row in rows)},
        SPEED: speed,
        HEALTH: {"memory_peak_gib": max(row[3] for row in rows)},
    }


def peak_memory(device: torch.device) -> float:
    """Most memory this process has held so far, GiB: allocated on its GPU, or resident where it runs on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    unit = 1 if sys.platform == "darwin" else 2**10  # Linux reports kibibytes, macOS bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
