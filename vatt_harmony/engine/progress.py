"""How far the run is: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import TextIO

from rich import progress
from rich.console import Console


class Eta:
    """Seconds to the end, from the pace of the last `window` observations."""

    def __init__(self, total: int, window: int = 20) -> None:
        self.total = total
        self._seen: deque[tuple[int, float]] = deque(maxlen=window + 1)

    def observe(self, step: int, now: float) -> float | None:
        """Take note that `step` was finished at `now` (seconds of a steady clock); None while there is no pace."""
        self._seen.append((step, now))
        first_step, first_time = self._seen[0]
        if step == first_step:
            return None
        return (self.total - step) * (now - first_time) / (step - first_step)


class Progress:
    """Shows step, losses and ETA. On a terminal one moving bar; else one line now and then. Rank 0 only."""

    def __init__(self, total: int, initial: int, stream: TextIO | None = None, pause: float = 10.0) -> None:
        """`initial`: steps done before this start; `pause`: least seconds between two plain lines."""
        self.total = total
        self._pause = pause
        self._last_line = -float("inf")
        self._stream = stream if stream is not None else sys.stderr
        console = Console(file=self._stream)
        self._bar = progress.Progress(
            progress.TextColumn("pretrain"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[eta]} {task.fields[losses]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, completed=initial, eta="", losses="")
        self._bar.start()

    def show(self, step: int, losses: Mapping[str, float], eta_seconds: float | None) -> None:
        """Take the display to `step`; plain lines come at most every `pause` seconds, and for the last step."""
        text = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        eta = "" if eta_seconds is None else f"{clock(eta_seconds)} left"
        if not self._bar.disable:
            self._bar.update(self._task, completed=step, eta=eta, losses=text)
        elif step >= self.total or time.monotonic() - self._last_line >= self._pause:
            self._last_line = time.monotonic()
            words = [f"step {step}/{self.total}", eta, text]
            print("  ".join(word for word in words if word), file=self._stream, flush=True)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()


def clock(seconds: float) -> str:
    """Seconds as `m:ss`, `h:mm:ss` or `d days h:mm:ss`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} days {hour}:{minute:02}:{second:02}"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
