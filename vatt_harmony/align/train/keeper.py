"""Keeps the best weights of a training and, where it has a folder, all that is needed to go on with it."""

from functools import partial
from pathlib import Path

from accelerate import Accelerator
from torch import Tensor

from vatt_harmony.align.config import AlignConfig, Select
from vatt_harmony.align.train.checkpoint import Progress, newest_checkpoint, read_progress, write_best, write_checkpoint
from vatt_harmony.align.train.history import FIGURES, newest_is_best
from vatt_harmony.align.train.loop import Trainer
from vatt_harmony.align.train.tuned import load, save


class Keeper:
    """With a folder everything lies there, else the best weights in memory. All ranks call it alike; rank 0 writes."""

    def __init__(self, folder: Path | None, config: AlignConfig, accelerator: Accelerator) -> None:
        self._folder, self._config, self._accelerator = folder, config, accelerator
        self._newest = newest_checkpoint(folder) if folder else None
        self._best: dict[str, Tensor] = {}

    @property
    def resumes(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self._newest is not None

    def resume(self, trainer: Trainer) -> None:
        """Bring a fresh trainer to where the newest checkpoint left off. Raises UserError for one of another run."""
        if self._newest is not None:
            progress = read_progress(self._newest, self._config)
            load(trainer.model, trainer.encoder, self._newest)
            trainer.updater.load_state_dict(progress.moved)
            trainer.history[:] = progress.history

    def keep(self, trainer: Trainer) -> None:
        """Keep what the epoch just done has brought; checkpoints come with validations."""
        best: list[Select] = [figure for figure in FIGURES if newest_is_best(trainer.history, figure)]
        if self._folder is None:
            if self._config.train.select in best:
                self._best = {name: value.clone() for name, value in trainer.module.state_dict().items()}
            return
        if self._accelerator.is_main_process and self._due(trainer):
            models = partial(save, trainer.model, trainer.encoder)
            for figure in best:
                write_best(self._folder, figure, models)
            progress = Progress(history=trainer.history, moved=trainer.updater.state_dict())
            write_checkpoint(self._folder, models, progress, self._config)
        self._accelerator.wait_for_everyone()

    def load_best(self, trainer: Trainer) -> None:
        """Put the best weights, by `train.select`, into the networks."""
        if self._folder is None:
            trainer.module.load_state_dict(self._best)
        else:
            best = self._folder / "checkpoints" / f"best_{self._config.train.select}"
            load(trainer.model, trainer.encoder, best)

    def _due(self, trainer: Trainer) -> bool:
        epochs, train = len(trainer.history), self._config.train
        return epochs % train.validate_every == 0 or epochs == train.epochs
