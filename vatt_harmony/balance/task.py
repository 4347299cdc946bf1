"""What is learnt: how outputs are compared with targets. Pure functions behind one small interface."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from vatt_harmony.balance.scores import at_least_fp32
from vatt_harmony.errors import UserError

NO_LABEL = torch.iinfo(torch.int64).min
"""In place of -100, which cross-entropy leaves out in silence: such a sample would score a probability of 1."""


class Judged(NamedTuple):
    """How each sample's output compares with its target, each `[M, B]`."""

    losses: Tensor
    scores: Tensor
    """Detached, at least fp32."""
    correct: Tensor
    """1 or 0, or a share of outputs; detached."""


class Task(Protocol):
    """A kind of target."""

    @property
    def outputs(self) -> int:
        """Width of every head."""

    @property
    def lower_is_better(self) -> bool:
        """Whether a small score is good."""

    def check(self, targets: Tensor) -> None:
        """Raise UserError for targets that cannot be compared with outputs; waits for the device."""

    def fused_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of `logits` [B, outputs], exactly as the usual criterion computes it."""

    def judge(self, logits: Tensor, targets: Tensor) -> Judged:
        """Losses, scores and correctness of every sample; logits `[M, B, outputs]`, targets of B samples."""


@dataclass(frozen=True)
class Classification:
    """One of `classes`; targets int64 `[B]`. The score is the probability of the true class."""

    classes: int
    smoothing: float = 0.0
    """Label smoothing, of the losses alone."""
    lower_is_better: ClassVar[bool] = False

    @property
    def outputs(self) -> int:
        return self.classes

    def check(self, targets: Tensor) -> None:
        if targets.dtype != torch.int64 or targets.dim() != 1:
            raise UserError(
                f"Targets are {targets.dtype} of shape {list(targets.shape)}",
                "They are no labels of classes",
                "Give one int64 label a sample, or use MultiLabel or Regression",
            )
        if targets.numel() and (int(targets.min()) < 0 or int(targets.max()) >= self.classes):
            wrong = sorted(set(targets[(targets < 0) | (targets >= self.classes)].tolist()))
            raise UserError(
                f"Labels {', '.join(map(str, wrong[:5]))} lie outside 0 to {self.classes - 1}",
                "They belong to none of the classes",
                f"Number the labels from 0, or give Classification more than {self.classes} classes",
            )

    def fused_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits, targets, ignore_index=NO_LABEL, label_smoothing=self.smoothing)

    def judge(self, logits: Tensor, targets: Tensor) -> Judged:
        several, batch = logits.shape[:2]
        flat, labels = logits.flatten(0, 1), targets.repeat(several)
        criterion = partial(F.cross_entropy, reduction="none", ignore_index=NO_LABEL)
        losses = criterion(flat, labels, label_smoothing=self.smoothing)
        with torch.no_grad():
            nll = losses if self.smoothing == 0 else criterion(flat, labels)
            correct = flat.argmax(-1) == labels
        scores = at_least_fp32(nll.detach()).neg().exp()
        return Judged(losses.view(several, batch), scores.view(several, batch), correct.view(several, batch))


@dataclass(frozen=True)
class MultiLabel:
    """Any of `classes` at once; targets 0 or 1, `[B, classes]`. The score is the mean probability of the positives."""

    classes: int
    lower_is_better: ClassVar[bool] = False

    @property
    def outputs(self) -> int:
        return self.classes

    def check(self, targets: Tensor) -> None:
        _check_shape(targets, self.classes, "MultiLabel")
        if targets.numel() and not bool(((targets == 0) | (targets == 1)).all()):
            raise UserError(
                f"Targets of MultiLabel range from {float(targets.min()):g} to {float(targets.max()):g}",
                "They say neither that a class is there nor that it is not",
                "Give 1 where a class is there, 0 elsewhere",
            )

    def fused_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))

    def judge(self, logits: Tensor, targets: Tensor) -> Judged:
        wanted = targets.to(logits.dtype).expand_as(logits)
        losses = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(-1)
        with torch.no_grad():
            positives, chances = at_least_fp32(wanted), at_least_fp32(logits).sigmoid()
            # A sample without positives scores by the probability that it has none.
            scores = torch.where(
                positives.sum(-1) > 0,
                (chances * positives).sum(-1) / positives.sum(-1).clamp(min=1),
                1 - chances.mean(-1),
            )
            correct = ((logits > 0) == (wanted > 0.5)).float().mean(-1)
        return Judged(losses, scores, correct)


@dataclass(frozen=True)
class Regression:
    """`outputs` numbers; targets `[B, outputs]`, or `[B]` for one. The score is the squared error: small is good."""

    outputs: int = 1
    loss: str = "l1"
    """"l1", as for CMU-MOSEI in the papers, or "mse"."""
    lower_is_better: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.loss not in REGRESSION_LOSSES:
            raise UserError(f"Regression has no loss {self.loss!r}", "Nothing could be learnt", "Choose l1 or mse")

    def check(self, targets: Tensor) -> None:
        _check_shape(self._column(targets), self.outputs, "Regression")
        if not bool(targets.isfinite().all()):
            raise UserError(
                "Targets of Regression are not all finite", "The loss would be NaN", "Leave such samples out"
            )

    def fused_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return REGRESSION_LOSSES[self.loss](logits, self._column(targets).to(logits.dtype))

    def judge(self, logits: Tensor, targets: Tensor) -> Judged:
        wanted = self._column(targets).to(logits.dtype).expand_as(logits)
        losses = REGRESSION_LOSSES[self.loss](logits, wanted, reduction="none").mean(-1)
        errors = at_least_fp32(logits.detach() - wanted).square().mean(-1)
        return Judged(losses, errors, torch.full_like(errors, torch.nan))

    def _column(self, targets: Tensor) -> Tensor:
        return targets.unsqueeze(-1) if targets.dim() == 1 else targets


REGRESSION_LOSSES = {"l1": F.l1_loss, "mse": F.mse_loss}


def _check_shape(targets: Tensor, outputs: int, task: str) -> None:
    if targets.dim() != 2 or targets.shape[-1] != outputs:
        raise UserError(
            f"Targets have shape {list(targets.shape)}",
            f"{task}({outputs}) could not compare them with its outputs",
            f"Give targets of shape [samples, {outputs}]",
        )
