"""Everything that watches a run from rank 0: TensorBoard, `metrics.jsonl`, `status.json` and the progress bar."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from vatt_harmony.engine.metrics_file import MetricsFile
from vatt_harmony.engine.progress import Eta, Progress
from vatt_harmony.engine.report import StepReport
from vatt_harmony.engine.status import State, Status, write_status
from vatt_harmony.engine.tensorboard import TensorBoard


class Monitor:
    """Writes every report to all places. One exists, on rank 0; the other ranks hold None.

    Leaving its `with` block by an exception marks the run as failed with the exception's message.
    """

    def __init__(self, folder: Path, *, steps: int, resumed_step: int = 0, stream: TextIO | None = None) -> None:
        """`folder`: the run's; `steps`: of the whole run; `resumed_step`: where this start takes up (0 = new);
        `stream`: of the progress display, standard error by default."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.steps = steps
        self.step = resumed_step
        self._last_checkpoint: str | None = None
        self._eta = Eta(steps)
        self._metrics = MetricsFile(folder / "metrics.jsonl", resumed_step)
        self._tensorboard = TensorBoard(folder / "tensorboard", resumed_step)
        self._progress = Progress(steps, resumed_step, stream)
        self._state: State = "starting"
        self._write_status()

    def log(self, report: StepReport) -> None:
        """Write one step everywhere."""
        self.step, self._state = report.step, "running"
        eta = self._eta.observe(report.step, time.monotonic())
        self._metrics.write(report)
        self._tensorboard.write(report)
        self._progress.show(report.step, report.losses, eta)
        self._write_status(eta)

    def checkpoint(self, path: Path) -> None:
        """Make a finished checkpoint (a path inside the run folder) known."""
        self._last_checkpoint = path.relative_to(self.folder).as_posix()
        self._write_status()

    def end(self, state: State, message: str = "") -> None:
        """Leave the final state behind: `finished`, `preempted` or `failed`."""
        self._state = state
        self._write_status(message=message)

    def close(self) -> None:
        """Close all files."""
        self._progress.close()
        self._metrics.close()
        self._tensorboard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._state in ("starting", "running"):
            self.end("failed", str(error) or type(error).__name__)
        self.close()

    def _write_status(self, eta_seconds: float | None = None, message: str = "") -> None:
        status = Status(
            state=self._state,
            step=self.step,
            of=self.steps,
            eta_seconds=eta_seconds,
            last_checkpoint=self._last_checkpoint,
            message=message,
        )
        write_status(self.folder, status)
