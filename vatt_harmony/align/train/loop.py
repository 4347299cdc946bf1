"""The training loop."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor

from vatt_harmony.align.config import AlignConfig
from vatt_harmony.align.losses import action_loss
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.align.train.analysis import Analysis
from vatt_harmony.align.train.history import Epoch, should_stop
from vatt_harmony.align.train.lessons import Lesson, Lessons
from vatt_harmony.align.train.rollin import let_alone
from vatt_harmony.align.train.tuned import Tuned, with_features
from vatt_harmony.align.train.update import Updater
from vatt_harmony.align.train.validate import validate
from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_int

if TYPE_CHECKING:  # it brings transformers along, which few trainings need
    from vatt_harmony.align.features.finetune import OnTheFly


class Trainer:
    """Trains an aligner on lessons, and validates it by decoding whole sequences. All ranks call it alike."""

    def __init__(
        self,
        config: AlignConfig,
        model: NeuMatch,
        lessons: Lessons,
        validation: Sequence[AlignmentSequence],
        accelerator: Accelerator,
        analysis: Analysis | None = None,
        encoder: "OnTheFly | None" = None,
    ) -> None:
        """`encoder` makes the features of lessons and validation where these hold its item numbers."""
        self.config, self.model, self.lessons, self.validation = config, model, lessons, validation
        self.accelerator, self.analysis, self.encoder = accelerator, analysis, encoder
        self.module = model if encoder is None else Tuned(encoder, model)
        self.prepared = accelerator.prepare_model(self.module)
        self.updater = Updater(model, encoder, config.optim)
        self.history: list[Epoch] = []

    def run(self) -> Iterator[Epoch]:
        """Train until the last epoch, or until validation no longer gets better; gives every epoch when it is done."""
        train = self.config.train
        while len(self.history) < train.epochs and not should_stop(self.history, train):
            done = len(self.history)
            figures = {"epoch": done + 1, "rate": self.updater.rate, "train/loss": self._train(done)}
            self.updater.end_epoch(done + 1, figures["train/loss"])
            if self.validation and (not (done + 1) % train.validate_every or done + 1 == train.epochs):
                shown = with_features(self.encoder, self.validation)
                figures |= validate(self.model, shown, self.config.decode, self.accelerator)
            if self.analysis:
                figures |= self.analysis.end_epoch()
            self.history.append(figures)
            yield figures

    def _train(self, epoch: int) -> float:
        """One pass over the pieces; the mean loss of their steps."""
        rank, ranks = self.accelerator.process_index, self.accelerator.num_processes
        torch.manual_seed(keyed_int(self.config.seed, "dropout", epoch, rank))
        self.prepared.train()
        total = torch.zeros(2, dtype=torch.float64, device=self.accelerator.device)
        for now, lesson in self.lessons.epoch(epoch, rank, ranks):
            self.updater.begin(now)
            total += self._update(lesson)
        loss, steps = self.accelerator.reduce(total).tolist()
        if not math.isfinite(loss):
            raise UserError(
                f"The training loss of epoch {epoch + 1} is not finite",
                "The weights are of no use any more",
                "Lower optim.lr, set optim.clip, or look for features that are not finite",
            )
        return float(loss / steps)

    def _update(self, lesson: Lesson) -> Tensor:
        """One update; the sum of the losses of this rank's steps, and their number."""
        config = self.config.train
        batch = let_alone(self.model, lesson.batch.to(self.accelerator.device), lesson.alone, config.order)
        steps = batch.steps.sum()
        loss = action_loss(self.prepared(batch), batch.targets, batch.steps, config.smoothing)
        # Ranks average their gradients: this makes them those of the mean over the steps of all ranks.
        self.accelerator.backward(loss * self.accelerator.num_processes / self.accelerator.reduce(steps))
        if self.analysis:
            self.analysis.movement.before_update()
        self.updater.step(self.accelerator)
        if self.analysis:
            self.analysis.movement.after_update()
        return torch.stack([loss.detach(), steps]).double()


def new_accelerator(*, with_encoder: bool = False) -> Accelerator:
    """Accelerate as this loop needs it, on the ranks that a launcher has started; on the CPU where there is no CUDA.

    Told so, Accelerate joins the ranks of torchrun on CPUs too; by itself it takes each for a run of its own. Nothing
    is computed in half precision: that would save a network of this size nothing, and cost LARS its norms.
    `with_encoder`: some of its parameters, such as those for sound, may have no part in an update.
    """
    ranks = DistributedDataParallelKwargs(find_unused_parameters=with_encoder, broadcast_buffers=False)
    return Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="no", kwargs_handlers=[ranks])
