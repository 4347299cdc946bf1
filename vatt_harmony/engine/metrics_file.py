"""`metrics.jsonl`: one JSON object a logged step."""

import json
from pathlib import Path

from vatt_harmony.engine.files import plain
from vatt_harmony.engine.report import StepReport


class MetricsFile:
    """Appends steps to `metrics.jsonl`: keys `step` and `group/name`; a value that is not finite is null."""

    def __init__(self, path: Path, resumed_step: int) -> None:
        """Keep the lines up to `resumed_step` of an earlier start (0 = a new run) and append after them."""
        cut_after(path, resumed_step)
        self._file = path.open("a", encoding="utf-8")

    def write(self, report: StepReport) -> None:
        """Append one line and hand it to the system, so that a killed run keeps it."""
        self._file.write(json.dumps(plain({"step": report.step} | report.flat())) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def cut_after(path: Path, step: int) -> None:
    """Drop the lines of later steps, which a resumed run will do again, and a last line cut short by a kill."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text("".join(kept), encoding="utf-8")
    unfinished.replace(path)
