"""Training a classifier of sounds."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vatt_harmony.engine.optim import OptimConfig, build_optimizer
from vatt_harmony.engine.schedule import learning_rate
from vatt_harmony.scale.esc_study.network import SoundClassifier

BATCH = 32
SMOOTHING = 0.1
CLIP = 1.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is tuned."""

    lr: float
    epochs: int


def fit(model: SoundClassifier, sounds: Tensor, classes: Tensor, settings: Settings, seed: int) -> None:
    """Train on spectrograms `[N, F, mels]` and classes int64 `[N]`; equal for equal seeds."""
    generator = torch.Generator().manual_seed(seed)
    batches = math.ceil(len(sounds) / BATCH)
    steps = settings.epochs * batches
    optim = OptimConfig(lr=settings.lr, lr_end=0.0, warmup=steps // 10, betas=(0.9, 0.98), weight_decay=0.05)
    optimizer = build_optimizer(model.train(), optim)
    for step in range(steps):
        if step % batches == 0:
            order = torch.randperm(len(sounds), generator=generator).tensor_split(batches)
        chosen = order[step % batches]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, optim, steps)
        seeds = torch.randint(1 << 62, (len(chosen),), generator=generator)
        logits = model(_begun_anywhere(sounds[chosen], generator), seeds)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(cross_entropy(logits, classes[chosen], label_smoothing=SMOOTHING))
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
    model.eval()


@torch.no_grad()
def answers(model: SoundClassifier, sounds: Tensor) -> Tensor:
    """The class of each sound, int64 `[N]`; in evaluation mode."""
    return torch.cat([model(part).argmax(1) for part in torch.split(sounds, 128)])


def _begun_anywhere(sounds: Tensor, generator: torch.Generator) -> Tensor:
    """Each spectrogram `[F, mels]` turned by its own number of frames."""
    frames = sounds.shape[1]
    starts = torch.randint(frames, (len(sounds), 1), generator=generator)
    places = (torch.arange(frames) + starts) % frames
    return sounds.take_along_dim(places[..., None], dim=1)
