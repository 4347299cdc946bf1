"""The main job: a run folder in, a pretrained encoder out; the loop stands in `_loop`."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch
import torch.distributed as dist
import yaml

from vatt_harmony.config import to_mapping
from vatt_harmony.engine.checkpoint import (
    find_checkpoint,
    latest_checkpoint,
    load_checkpoint,
    load_into,
    load_weights,
    read_state,
    remove_unfinished,
    save_checkpoint,
)
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.deepspeed_config import complete, read_deepspeed
from vatt_harmony.engine.environment import device_name, write_environment
from vatt_harmony.engine.evaluate import Evaluation
from vatt_harmony.engine.failure import explained, on_first_rank
from vatt_harmony.engine.launch import Process, shorten_timeout
from vatt_harmony.engine.ledger import RunLedger
from vatt_harmony.engine.monitor import Monitor
from vatt_harmony.engine.parts import build_engine, build_model, model_config, run_tokenizer
from vatt_harmony.engine.passes import check_chunk
from vatt_harmony.engine.preemption import Preemption
from vatt_harmony.engine.reference import Reference, load_reference
from vatt_harmony.engine.resume import check_partitions, check_same_run
from vatt_harmony.engine.schedule import learning_rate
from vatt_harmony.engine.speed import SpeedMeter, peak_flops
from vatt_harmony.engine.step import PretrainStep
from vatt_harmony.engine.trunk_signals import check_signal
from vatt_harmony.engine.watch import Watch
from vatt_harmony.randomness import keyed_int
from vatt_harmony.scale.flops import train_flops
from vatt_harmony.stream.capabilities import check_pairs
from vatt_harmony.stream.draw_tables import DrawTables
from vatt_harmony.stream.stream import Stream

log = logging.getLogger(__name__)


class Pretrainer:
    """One run on one rank. All ranks build it alike and call `train` together."""

    def __init__(self, config: RunConfig, run: Path, process: Process, init: Path | None = None) -> None:
        """Build or resume the run in folder `run`; `init` (a run, a checkpoint) gives a new run its weights only.

        Raises UserError for whatever in configuration, data or checkpoint would train something else than asked for.
        """
        self.run, self.process = run, process
        deepspeed = complete(
            read_deepspeed(config.engine.deepspeed),
            config.stream.global_batch,
            process.world_size,
            config.optim.clip,
            config.engine.chunk,
        )
        stage = deepspeed.get("zero_optimization", {}).get("stage", 0)
        check_signal(config.harmony, stage, config.model.dropout, config.engine.chunk)
        check_chunk(config.engine.chunk, config.model)
        on_first_rank(process, lambda: _claim(run))
        tokenizer = run_tokenizer(config, run, process)
        tables = DrawTables(run / "draws", config.harmony.ledger.refresh) if config.harmony.ledger.enabled else None
        self.stream = Stream(
            config.data, config.stream, config.seed, process.rank, process.world_size, tokenizer, tables
        )
        check_pairs(self.stream.sources, config.objective.weights.active(), config.stream)
        # What is saved and shown is what is trained, lengths and vocabulary included.
        self.config = config = replace(config, model=model_config(config, tokenizer.vocabulary))
        reference = load_reference(config, tokenizer) if config.harmony.curriculum.reference else None
        self.evaluation = Evaluation(config, tokenizer, process)
        checkpoint = latest_checkpoint(run)
        changes = [] if checkpoint is None else self._check(checkpoint, deepspeed)
        model = build_model(config.model, config.seed)
        if init is not None and checkpoint is None:
            load_into(model, load_weights(find_checkpoint(init))[0], init)
        self.engine = build_engine(model, config.optim, deepspeed, process)
        rate = partial(learning_rate, config=config.optim, steps=config.engine.steps)
        self.step = PretrainStep(
            self.engine,
            config.objective,
            config.harmony,
            process,
            rate,
            config.engine.patience,
            config.seed,
            config.engine.chunk,
        )
        if reference is not None:
            self.step.reference = Reference(reference, self.step.model, config.objective, process, config.engine.chunk)
        if checkpoint is not None:
            self._resume(checkpoint)
        dtype = next(model.parameters()).dtype
        meter = SpeedMeter(
            process.device,
            flops_per_triplet=train_flops(config.model, config.stream.candidates),
            peak=peak_flops(device_name(process.device), dtype),
        )
        self.watch = Watch(meter, tokenizer, config.stream.global_batch)
        self.ledger = RunLedger(run, config, self.stream, checkpoint, self.step.finished)
        self._describe(deepspeed, [f"changed since {checkpoint}: {change}" for change in changes])

    def train(self) -> None:
        """Train to the last step, or to a checkpoint when the scheduler asks to stop. Everything is in the folder."""
        if not self.process.is_first:
            self._loop(None)
            return
        with Monitor(self.run, steps=self.config.engine.steps, resumed_step=self.step.finished) as monitor, explained():
            self._loop(monitor)

    def _loop(self, monitor: Monitor | None) -> None:
        settings, first = self.config.engine, True
        with Preemption(self.process.device) as preemption:
            batches = iter(self.stream)
            while self.step.finished < settings.steps:
                batch = next(batches)
                self.watch.arrived(batch)
                # Only dropout draws from torch's generators; a resumed run draws the same.
                torch.manual_seed(keyed_int(self.config.seed, self.step.finished, self.process.rank, "torch"))
                losses, result = self.step(batch)
                self.watch.finished(result)
                done = self.step.finished
                self.ledger.add(done, batch, result.embeddings, result.per_sample)
                if first:
                    shorten_timeout(settings.step_minutes)
                    first = False
                last = done == settings.steps
                evaluate = self.evaluation.due(done)
                if done % settings.log_every == 0 or last or evaluate:
                    look = done % settings.look_every == 0 or last
                    report = self.watch.report(
                        done,
                        losses,
                        result,
                        batch,
                        look=self.watch.look(self.step.model, batch, result) if look else None,
                        more={
                            **self.ledger.scalars(),
                            **(self.evaluation.scalars(self.step.model) if evaluate else {}),
                        },
                    )
                    if monitor:
                        monitor.log(report)
                stop = preemption.agreed()
                checkpoint = done % settings.checkpoint_every == 0 or last or stop
                if checkpoint or self.ledger.due(done):
                    self.ledger.collect(done)
                if checkpoint:
                    self._checkpoint(monitor)
                if stop and not last:
                    if monitor:
                        monitor.end("preempted", f"asked to stop; checkpoint of step {done} written")
                    return
            if monitor:
                monitor.end("finished")

    def _checkpoint(self, monitor: Monitor | None) -> None:
        state = {"step": self.step.finished, "stream": self.stream.state_dict(), "train": self.step.state_dict()}
        add = partial(self.ledger.save, step=self.step.finished)
        folder = save_checkpoint(self.engine, self.run, self.config, state, self.config.engine.keep, add)
        if monitor:
            monitor.checkpoint(folder)

    def _check(self, checkpoint: Path, deepspeed: Mapping[str, Any]) -> list[str]:
        state = read_state(checkpoint)
        changes = check_same_run(checkpoint, self.config)
        stage = deepspeed.get("zero_optimization", {}).get("stage", 0)
        check_partitions(checkpoint, state, stage, self.process.world_size)
        self.stream.load_state_dict(state["stream"])
        return changes

    def _resume(self, checkpoint: Path) -> None:
        self.step.load_state_dict(load_checkpoint(self.engine, checkpoint)["train"])
        if self.process.is_first:
            log.info("resuming after step %d from %s", self.step.finished, checkpoint)

    def _describe(self, deepspeed: Mapping[str, Any], changes: Sequence[str]) -> None:
        names: list[str] = [""] * self.process.world_size
        dist.all_gather_object(names, device_name(self.process.device))
        if not self.process.is_first:
            return
        resolved = yaml.safe_dump(to_mapping(self.config), sort_keys=False)
        (self.run / "config.yaml").write_text(resolved)
        write_environment(self.run, devices=names, deepspeed=deepspeed)
        print(resolved)
        for line in (*self.stream.summary(), *self.config.harmony.warnings, *changes):
            print(line, flush=True)


def _claim(run: Path) -> None:
    """Make the run folder, and sure that it can be written, before anything takes time."""
    run.mkdir(parents=True, exist_ok=True)
    remove_unfinished(run)
    with TemporaryFile(dir=run):
        pass
