"""One fine-tune from Python: train, choose the epoch by validation, test it once."""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from vatt_harmony.balance.balancer import Balancer
from vatt_harmony.engine.environment import device_name, write_environment
from vatt_harmony.engine.preemption import Preemption
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.models.model import FinetuneModel
from vatt_harmony.finetune.splits import Splits, open_splits
from vatt_harmony.finetune.store import ClipStore
from vatt_harmony.finetune.train.accelerator import new_accelerator
from vatt_harmony.finetune.train.balanced import balanced
from vatt_harmony.finetune.train.checkpoint import (
    Best,
    claim,
    newest_checkpoint,
    read_progress,
    whole,
    write_checkpoint,
)
from vatt_harmony.finetune.train.evaluate import Evaluator
from vatt_harmony.finetune.train.history import Epoch, best_epoch
from vatt_harmony.finetune.train.journal import Journal
from vatt_harmony.finetune.train.loop import Trainer
from vatt_harmony.finetune.train.result import Result

log = logging.getLogger(__name__)

Progress = Callable[[Epoch], None]
"""Told every epoch, on rank 0."""


class Stopped(Exception):
    """A signal asked the run to stop. Its checkpoint is written; the same call goes on from it."""


def finetune(
    config: FinetuneConfig, run: Path | None = None, progress: Progress | None = None, *, store: ClipStore | None = None
) -> Result:
    """Train as the configuration says, choose the epoch by validation, and test it once.

    With `run` everything is written there: an unfinished run goes on, a finished one only gives its result, and SIGTERM
    or Ctrl-C ends with a checkpoint and raises `Stopped`. `store`: decoded clips that several runs share. The random
    numbers of the caller are left as they were. All ranks that a launcher has started must call it; rank 0 writes.
    Raises UserError for what cannot be trained.
    """
    if run is not None:
        claim(run, config)
    done = Result.load(run) if run else None
    if done is not None:
        return done
    accelerator = new_accelerator(config)
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([accelerator.device] if accelerator.device.type == "cuda" else []))
        session = Session(config, run, accelerator, stack, store)
        session.train(progress)
        return session.test()


def told(splits: Splits) -> list[str]:
    """What the data are, in a line or more."""
    labelled, parts = splits.labelled, {"train": splits.train, "val": splits.val, "test": splits.test}
    counts = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
    line = f"data: {labelled.name}, {len(labelled.classes)} classes; {counts}; {' and '.join(splits.train.modalities)}"
    skipped = ", ".join(f"{count} {reason}" for reason, count in sorted(labelled.skipped.items()))
    return [f"{line}; left out: {skipped}" if skipped else line, *(f"data: {note}" for note in labelled.notes)]


class Session:
    """One start of a fine-tune, from its checkpoint if there is one. All ranks call it alike."""

    def __init__(
        self,
        config: FinetuneConfig,
        run: Path | None,
        accelerator: Accelerator,
        stack: contextlib.ExitStack,
        store: ClipStore | None,
    ) -> None:
        """What must be ended is left to `stack`."""
        self.config, self.run, self.accelerator = config, run, accelerator
        self.splits = open_splits(config, store)
        if accelerator.is_main_process:
            for line in told(self.splits):
                log.info(line)
        self.balancer: Balancer = balanced(config, self.splits)
        self.evaluator = Evaluator(config, self.balancer, self.splits, accelerator)
        stop = stack.enter_context(Preemption(accelerator.device)).agreed if run else bool
        self.journal: Journal | None = None
        self.trainer = Trainer(config, self.balancer, self.splits, accelerator, self.evaluator, stop, self._tell)
        self.best = Best(run, self.balancer, accelerator)
        newest = newest_checkpoint(run) if run else None
        if newest is not None:
            self.trainer.load_state_dict(read_progress(newest))
            accelerator.load_state(str(newest))
        if run is not None and accelerator.is_main_process:
            self.journal = Journal(run, self.trainer.step, config.data.modalities)
            stack.callback(self.journal.close)
            devices = [device_name(accelerator.device)] * accelerator.num_processes
            plugin = accelerator.state.deepspeed_plugin
            write_environment(run, devices=devices, deepspeed=plugin.deepspeed_config if plugin else {})

    def train(self, progress: Progress | None) -> None:
        """Train to the end, with a checkpoint after each epoch; raises `Stopped` when asked to stop before."""
        for epoch in self.trainer.run():
            if best_epoch(self.trainer.history, self.config.train.select) is epoch:
                self.best.keep()
            self._write_checkpoint()
            if self.journal is not None:
                self.journal.epoch(epoch)
            if progress is not None and self.accelerator.is_main_process:
                progress(epoch)
        if not self.trainer.finished:
            self._write_checkpoint()
            raise Stopped(f"stopped after step {self.trainer.step} of {self.trainer.steps}, with a checkpoint")

    def test(self) -> Result:
        """Test the best epoch, and keep its model and the result."""
        self.best.restore()
        predictions = self.evaluator.predict("test")
        best = best_epoch(self.trainer.history, self.config.train.select)
        before = "validation/"
        result = Result(
            best_epoch=int(best["epoch"]),
            validation={name.removeprefix(before): best[name] for name in best if name.startswith(before)},
            test=self.evaluator.figures(predictions),
            history=self.trainer.history,
            trace=self.trainer.meters.trace,
            updates=self.trainer.step,
            seconds=self.trainer.seconds,
            failures=self._failures(),
            predictions=predictions,
        )
        if self.run is not None:
            self._write(result, self.run)
        return result

    def _failures(self) -> dict[str, dict[str, int]]:
        """Split -> reason -> clips, over all ranks, each clip once."""
        counted = {"train": self.trainer.unreadable, **self.evaluator.unreadable}
        mine = [(split, *failure) for split, unreadable in counted.items() for failure in unreadable.failed]
        every = mine if self.accelerator.num_processes == 1 else gather_object(mine)
        told: dict[str, Counter[str]] = {split: Counter() for split in counted}
        for split, _, reason in set(every):
            told[split][reason] += 1
        return {split: dict(sorted(reasons.items())) for split, reasons in told.items()}

    def _write(self, result: Result, run: Path) -> None:
        with whole(self.balancer, self.accelerator):
            if self.accelerator.is_main_process:
                model = self.balancer.export()
                assert isinstance(model, FinetuneModel)
                for parameter in model.parameters():
                    parameter.data = parameter.data.clone()  # out of DeepSpeed's buffer, which safetensors refuses
                model.save_pretrained(run / "model")
                result.save(run)
        self.accelerator.wait_for_everyone()

    def _write_checkpoint(self) -> None:
        if self.run is not None:
            write_checkpoint(self.run, self.trainer.step, self.accelerator, self.trainer.state_dict())

    def _tell(self, line: dict[str, float]) -> None:
        if self.journal is not None:
            self.journal.step(line)
