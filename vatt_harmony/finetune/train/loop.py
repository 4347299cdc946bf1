"""The training loop."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from vatt_harmony.balance.balancer import Balancer
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.collate import FinetuneBatch
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.splits import Splits
from vatt_harmony.finetune.train.accelerator import autocast
from vatt_harmony.finetune.train.evaluate import Evaluator
from vatt_harmony.finetune.train.history import Epoch, should_stop
from vatt_harmony.finetune.train.loader import train_batches
from vatt_harmony.finetune.train.meters import LOSS, Figures, Meters
from vatt_harmony.finetune.train.mixup import blend
from vatt_harmony.finetune.train.optimizer import build_optimizer, scaled_groups
from vatt_harmony.finetune.train.order import Order
from vatt_harmony.finetune.train.schedule import Schedule
from vatt_harmony.finetune.unreadable import Unreadable
from vatt_harmony.randomness import keyed_generator, keyed_int


class Trainer:
    """Trains a balanced network on the training split and validates it every epoch. All ranks call it alike."""

    def __init__(
        self,
        config: FinetuneConfig,
        balancer: Balancer,
        splits: Splits,
        accelerator: Accelerator,
        evaluator: Evaluator,
        asked_to_stop: Callable[[], bool],
        on_line: Callable[[Figures], None],
    ) -> None:
        """`asked_to_stop`: called after every step and epoch on all ranks, it must give all the same answer; `on_line`:
        told every new line of the trace."""
        train = config.train
        self.config, self.balancer, self.splits = config, balancer, splits
        self.accelerator, self.evaluator = accelerator, evaluator
        self._asked_to_stop, self._on_line = asked_to_stop, on_line
        self.order = Order(len(splits.train), train.batch, train.accumulation, config.seed)
        self.epoch_steps = train.epoch_steps or self.order.steps_of_pass
        steps = train.epochs * self.epoch_steps
        self.steps = min(steps, train.max_steps or steps)
        groups = balancer.parameter_groups(lr=config.optim.lr, weight_decay=config.optim.weight_decay)
        optimizer = build_optimizer(scaled_groups(groups, config.encoders), config.optim)
        balancer.attach(optimizer)
        self.prepared, self.optimizer = accelerator.prepare(balancer, optimizer)
        self.schedule = Schedule(self.optimizer, config.optim, self.steps, self.epoch_steps)
        self.step, self.seconds = 0, 0.0
        self.meters = Meters(self.steps)
        self.unreadable = Unreadable("the train split")
        self.history: list[Epoch] = []

    def run(self) -> Iterator[Epoch]:
        """Train until the last step, until validation no longer gets better, or until asked to stop.

        Gives every epoch when it is done; one that was broken off is not done.
        """
        while not self.finished:
            started = time.monotonic()
            done = self._train()
            if done:
                self.history.append(self._end_epoch())
            self.seconds += time.monotonic() - started
            if done:
                yield self.history[-1]
            if self._asked_to_stop():
                return

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        train = self.config.train
        return self.step >= self.steps or should_stop(self.history, train.select, train.patience)

    def _train(self) -> bool:
        """Take the rest of the epoch's steps; False when asked to stop before its last one."""
        epoch = len(self.history)
        end = min((epoch + 1) * self.epoch_steps, self.steps)
        place = (self.accelerator.process_index, self.accelerator.num_processes)
        self.splits.train.set_epoch(epoch)
        self.prepared.train()
        workers, steps = self.config.data.loader_workers, range(self.step, end)
        batches = train_batches(self.splits.train, self.order, steps, place, workers, self.unreadable)
        while self.step < end:
            self._update(batches)
            self.step += 1
            line = self.meters.end_step(self.step)
            if line is not None:
                self._check(line)
                self._on_line(line)
            if self._asked_to_stop() and self.step < end:
                return False
        return True

    def _update(self, batches: Iterator[FinetuneBatch]) -> None:
        """One optimizer step over its micro-batches."""
        # Every step has its own randomness: a run that goes on in the middle of an epoch goes on as it would have.
        torch.manual_seed(keyed_int(self.config.seed, "step", self.step, self.accelerator.process_index))
        self.schedule.begin_step(self.step)
        for weight in self.order.weights(self.step):
            batch = self._blended(next(batches).to(self.accelerator.device))
            present = dict[str, Tensor](batch.present.items())
            with self.accelerator.accumulate(self.prepared):
                with autocast(self.config.train, self.accelerator.device):
                    output = self.prepared(present=present, **batch.inputs)
                    loss, report = self.balancer.loss(output, batch.targets, present=present)
                self.accelerator.backward(loss * weight)
                if self.config.optim.clip and self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.prepared.parameters(), self.config.optim.clip)
                self.optimizer.step()
                self.optimizer.zero_grad()
            self.meters.add(report.scalars())

    def _blended(self, batch: FinetuneBatch) -> FinetuneBatch:
        strength, rank = self.config.task.mixup, self.accelerator.process_index
        if not strength:
            return batch
        generator = keyed_generator(self.config.seed, "mixup", self.step, rank)
        return blend(batch, strength, len(self.splits.labelled.classes), generator)

    def _end_epoch(self) -> Epoch:
        """Figures of the epoch's training and validation."""
        trained = self.meters.end_epoch()
        self._check(trained)
        validated = self.evaluator.validate()
        self.balancer.end_epoch(self.evaluator.for_rule(trained))
        figures: dict[str, float] = {"epoch": len(self.history) + 1, "step": self.step}
        figures |= {f"train/{name}": value for name, value in trained.items()}
        return figures | {f"validation/{name}": value for name, value in validated.items()}

    def _check(self, figures: Figures) -> None:
        """Raise UserError, on all ranks, for a loss that is not finite."""
        if not math.isfinite(figures[LOSS]):
            raise UserError(
                f"The training loss is not finite before step {self.step + 1}",
                "The weights are of no use any more",
                "Lower optim.lr, set optim.clip, or look for inputs that are not finite",
            )

    def state_dict(self) -> dict[str, Any]:
        """How far it has come, as plain numbers; what moves is the accelerator's to save."""
        plain = {name: getattr(self, name) for name in ("step", "seconds", "history")}
        return plain | {"meters": self.meters.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.step, self.seconds, self.history = state["step"], state["seconds"], list(state["history"])
        self.meters.load_state_dict(state["meters"])
