"""Mixup: samples and their targets blended in pairs (Zhang et al., ICLR 2018), and the task that understands it."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vatt_harmony.balance.task import Judged, Task
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.collate import FinetuneBatch


@dataclass(frozen=True)
class Blended:
    """Targets as shares of classes, `[B, C]`; otherwise the task that it wraps, a classification or multi-label one."""

    task: Task
    smoothing: float
    """Label smoothing of a classification."""
    exclusive: bool
    """Whether a sample has one class, so that its shares add up to 1."""

    @property
    def outputs(self) -> int:
        return self.task.outputs

    @property
    def lower_is_better(self) -> bool:
        return False

    def check(self, targets: Tensor) -> None:
        if targets.shape[1:] != (self.outputs,) or not bool(((targets >= 0) & (targets <= 1)).all()):
            raise UserError(
                f"Blended targets have shape {list(targets.shape)}, or shares outside 0 to 1",
                f"They are no shares of {self.outputs} classes",
                "Check the labels of the set",
            )

    def fused_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self._losses(logits, targets).mean()

    def judge(self, logits: Tensor, targets: Tensor) -> Judged:
        wanted = targets.expand(logits.shape[0], -1, -1)
        with torch.no_grad():
            probabilities = logits.float().softmax(-1) if self.exclusive else logits.float().sigmoid()
            scores = (probabilities * wanted).sum(-1) / wanted.sum(-1).clamp(min=1e-6)
            correct = logits.argmax(-1) == wanted.argmax(-1)
        losses = torch.stack([self._losses(each, targets) for each in logits])
        return Judged(losses, scores, correct)

    def _losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        if self.exclusive:
            return F.cross_entropy(logits, targets, reduction="none", label_smoothing=self.smoothing)
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)


def blend(batch: FinetuneBatch, strength: float, classes: int, generator: np.random.Generator) -> FinetuneBatch:
    """Each sample with one of the same batch, by its own share from Beta(strength, strength); targets `[B, C]`.

    Pictures become float32; token ids cannot be blended: text stays that of the sample with the larger share.
    """
    size = len(batch)
    share = generator.beta(strength, strength, size).astype(np.float32)
    shares = torch.from_numpy(np.maximum(share, 1 - share)).to(batch.targets.device)
    partners = torch.from_numpy(generator.permutation(size)).to(batch.targets.device)
    targets = batch.targets
    if targets.dim() == 1:
        targets = F.one_hot(targets, classes).float()
    inputs = {name: x if name == "text" else _mix(x, shares, partners) for name, x in batch.inputs.items()}
    return replace(batch, inputs=inputs, targets=_mix(targets, shares, partners))


def _mix(values: Tensor, shares: Tensor, partners: Tensor) -> Tensor:
    column = shares.view(-1, *[1] * (values.dim() - 1))
    return column * values.float() + (1 - column) * values[partners].float()
