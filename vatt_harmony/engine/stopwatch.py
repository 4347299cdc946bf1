"""Seconds of a device's own work, which on CUDA goes on after the call that asked for it has returned."""

import time
from typing import Any

import torch


class Stopwatch:
    """Runs from its making to `stop`; `seconds` may be asked once the device has been waited for."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._begin = self._end = self._mark()

    def stop(self) -> None:
        """Mark the end, without waiting for the device."""
        self._end = self._mark()

    @property
    def seconds(self) -> float:
        """Between the two marks."""
        if self._cuda:
            return float(self._begin.elapsed_time(self._end)) / 1000
        return float(self._end - self._begin)

    def _mark(self) -> Any:
        """A CUDA event in the stream, or the monotonic clock."""
        if not self._cuda:
            return time.monotonic()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event
