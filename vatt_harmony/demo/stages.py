"""Names and times of the demo's stages, added up over all its starts."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


class Stages:
    """Tells each stage as it begins and ends, and keeps the seconds in a file: a resumed demo counts as one."""

    def __init__(self, file: Path, console: Console) -> None:
        self.file, self.console = file, console
        self._seconds: dict[str, float] = json.loads(file.read_text()) if file.is_file() else {}

    @contextmanager
    def stage(self, name: str, about: str) -> Iterator[None]:
        """One stage; `about` is what the user reads."""
        self.console.print(f"{name}: {about}", markup=False, highlight=False)
        began = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - began
            self._seconds[name] = self._seconds.get(name, 0.0) + took
            self.file.write_text(json.dumps(self._seconds))
            self.console.print(f"{name}: {took:.1f} s", style="dim", markup=False, highlight=False)

    @property
    def total(self) -> float:
        """Seconds of all stages so far."""
        return sum(self._seconds.values())
