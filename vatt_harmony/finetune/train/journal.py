"""What a run folder tells of a fine-tune while it runs: `metrics.jsonl`, `steps.jsonl`, TensorBoard."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from vatt_harmony.engine.files import plain
from vatt_harmony.engine.metrics_file import cut_after
from vatt_harmony.finetune.monitor.tensorboard import layout
from vatt_harmony.finetune.train.history import Epoch
from vatt_harmony.finetune.train.meters import Figures

METRICS, STEPS = "metrics.jsonl", "steps.jsonl"
COUNTERS = ("epoch", "step")


class Journal:
    """Writes on rank 0; what an earlier start wrote of steps that are done again goes."""

    def __init__(self, run: Path, step: int, modalities: Sequence[str]) -> None:
        """`step`: optimizer steps done before this start."""
        self._run = run
        for name in (METRICS, STEPS):
            cut_after(run / name, step)
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)
        self._board.add_custom_scalars(layout(modalities))

    def step(self, line: Figures) -> None:
        """One line of `steps.jsonl`, and curves `steps/…`."""
        self._write(STEPS, line, "steps/")

    def epoch(self, epoch: Epoch) -> None:
        """One line of `metrics.jsonl`, and curves under the names of its figures, over the steps."""
        self._write(METRICS, epoch, "")
        self._board.flush()

    def close(self) -> None:
        """Write what is still in memory."""
        self._board.close()

    def _write(self, file: str, figures: Mapping[str, float], before: str) -> None:
        with (self._run / file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(plain(dict(figures))) + "\n")
        for name, value in figures.items():
            if name not in COUNTERS:
                self._board.add_scalar(before + name, value, int(figures["step"]))
