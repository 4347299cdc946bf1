"""One update of everything that is trained, each part with its own optimizer, schedule and clipping."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from accelerate import Accelerator
from torch import nn

from vatt_harmony.align.config import OptimConfig
from vatt_harmony.align.schedule import Schedule
from vatt_harmony.align.train.optimizer import build_optimizer


class Part:
    """Parameters that move together."""

    def __init__(self, parameters: Iterable[nn.Parameter], config: OptimConfig) -> None:
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.optimizer = build_optimizer(self.parameters, config)
        self.schedule = Schedule(self.optimizer, config)
        self.clip = config.clip


class Updater:
    """Moves the aligner, and the encoder where it is trained too.

    The encoder's gradient is clipped by itself: otherwise it would change how far the aligner moves.
    """

    def __init__(self, aligner: nn.Module, encoder: nn.Module | None, config: OptimConfig) -> None:
        self.parts = {"aligner": Part(aligner.parameters(), config)}
        if encoder is not None and config.encoder_lr > 0:
            own = replace(config, name="adamw", lr=config.encoder_lr)
            self.parts["encoder"] = Part(encoder.parameters(), own)

    @property
    def rate(self) -> float:
        """Present rate of the aligner."""
        return self.parts["aligner"].schedule.rate

    def begin(self, epoch: float) -> None:
        """Set the rates for the update that follows `epoch` epochs, fractions included."""
        for part in self.parts.values():
            part.schedule.begin_update(epoch)

    def step(self, accelerator: Accelerator) -> None:
        """Clip, move, and forget the gradients. All ranks must call it, after the backward."""
        for part in self.parts.values():
            if part.clip:
                accelerator.clip_grad_norm_(part.parameters, part.clip)
            part.optimizer.step()
            part.optimizer.zero_grad()

    def end_epoch(self, epochs: int, train_loss: float) -> None:
        """Tell the schedules, after each epoch."""
        for part in self.parts.values():
            part.schedule.end_epoch(epochs, train_loss)

    def state_dict(self) -> dict[str, Any]:
        """Moments, rates and counters of each part."""
        return {
            name: {"optimizer": part.optimizer.state_dict(), "schedule": part.schedule.state_dict()}
            for name, part in self.parts.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        for name, part in self.parts.items():
            part.optimizer.load_state_dict(state[name]["optimizer"])
            part.schedule.load_state_dict(state[name]["schedule"])
