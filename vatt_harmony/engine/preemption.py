"""A scheduler's request to stop, agreed by all ranks at the border of a step."""

import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

import torch

from vatt_harmony.engine.agreement import maximum_over_ranks

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)  # Slurm sends SIGUSR1 with `--signal=USR1@SECONDS`
DOUBLE_SECONDS = 2.0
"""One Ctrl-C may arrive twice, from the terminal and from the launcher; a second one after this time is meant."""


class Preemption:
    """Turns SIGTERM, SIGUSR1 and Ctrl-C into a flag for as long as the `with` block lasts; Ctrl-C again interrupts.

    Use it in the main thread of every rank. A signal reaches the ranks at different moments, or only one of them;
    `agreed` gives all of them the same answer, so that they leave the loop after the same step.
    """

    def __init__(self, device: torch.device) -> None:
        """`device`: where the process group reduces."""
        self.device = device
        self.requested = False
        self._asked = 0.0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def agreed(self) -> bool:
        """Whether any rank was asked to stop. All ranks must call it, at the same border of a step."""
        return bool(maximum_over_ranks([float(self.requested)], self.device)[0])

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if number == signal.SIGINT and self._asked and now - self._asked > DOUBLE_SECONDS:
            raise KeyboardInterrupt
        self._asked = self._asked or now
        self.requested = True
