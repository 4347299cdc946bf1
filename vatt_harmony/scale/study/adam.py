"""Does realignment survive Adam? The update with and without it, from the same state on the same batch."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.scale.study.arms import ARMS
from vatt_harmony.scale.study.clips import Corpus
from vatt_harmony.scale.study.data import batch_of, training_clips
from vatt_harmony.scale.study.presets import Preset
from vatt_harmony.scale.study.step import take_step
from vatt_harmony.scale.study.train import Trainer
from vatt_harmony.stream.batch import Batch

EVERY = 25


def survival(preset: Preset, seed: int, share: float, clips: int) -> dict[str, float]:
    """Mean over a plain run, every 25 steps: cosine and relative change of the trunk's gradient and of AdamW's update.

    The change is the norm of the difference over the norm without realignment.
    """
    corpus = Corpus(seed, preset.shape)
    found: dict[str, list[float]] = {
        "gradient_cosine": [],
        "gradient_change": [],
        "update_cosine": [],
        "update_change": [],
    }
    with training_clips(corpus, corpus.faults(share, train=clips)) as training:
        trainer = Trainer(preset=preset, arm=ARMS["plain"], seed=seed, corpus=corpus, training=training)
        for step, rows in enumerate(trainer.rows()):
            batch = batch_of(training, rows, seed, step)
            if step % EVERY == EVERY - 1:
                plain, realigned = (_tried(trainer, batch, step, rule) for rule in ("sum", "pcgrad"))
                for place, name in enumerate(("gradient", "update")):
                    found[f"{name}_cosine"].append(_cosine(plain[place], realigned[place]))
                    change = (realigned[place] - plain[place]).norm() / plain[place].norm()
                    found[f"{name}_change"].append(float(change))
            trainer.step(batch, step)
    return {name: float(np.mean(values)) for name, values in found.items()}


def _tried(trainer: Trainer, batch: Batch, step: int, rule: str) -> tuple[Tensor, Tensor]:
    """Gradient and update of the shared encoder by one step of a copy."""
    model, optimizer = copy.deepcopy((trainer.model, trainer.optimizer))
    before = _flat(model, lambda p: p.detach().clone())
    harmony = HarmonyConfig(rule=rule)  # type: ignore[arg-type]
    take_step(model, optimizer, batch, trainer.preset.objective, harmony, step, clip=trainer.optim.clip)
    gradient = _flat(model, lambda p: torch.zeros_like(p) if p.grad is None else p.grad)
    return gradient, _flat(model, lambda p: p.detach()) - before


def _flat(model: Vatt, of: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.cat([of(parameter).flatten() for parameter in model.encoders.parameters()])


def _cosine(first: Tensor, second: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(first, second, dim=0))
