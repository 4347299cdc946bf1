"""What the rules `mslr` and `gblend` are told after each epoch."""

from collections import defaultdict

import torch
from torch.nn import functional as F

from vatt_harmony.balance.balancer import Balancer
from vatt_harmony.balance.evidence import Validation
from vatt_harmony.balance.report import Report
from vatt_harmony.scale.balance_study.fold import Fold


class EpochLosses:
    """Means of training losses since the last `take`."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._steps = 0

    def add(self, report: Report) -> None:
        """Count one step."""
        self._steps += 1
        self._sums["fused"] += float(report.fused_loss)
        for name, loss in zip(report.evidence.modalities, report.evidence.losses.tolist(), strict=True):
            self._sums[name] += loss

    def take(self) -> dict[str, float]:
        """The means; counting starts anew."""
        means = {name: value / self._steps for name, value in self._sums.items()}
        self._sums.clear()
        self._steps = 0
        return means


@torch.no_grad()
def validation(balancer: Balancer, fold: Fold, train_losses: dict[str, float]) -> Validation:
    """Losses and accuracies of the fused output and the heads on the fold's validation clips."""
    balancer.eval()
    output = balancer(**fold.inputs("val"))
    balancer.train()
    labels = fold.labels("val")
    outputs = {"fused": output.logits, **output.unimodal}
    return Validation(
        losses={name: float(F.cross_entropy(logits, labels)) for name, logits in outputs.items()},
        accuracies={name: float((logits.argmax(1) == labels).float().mean()) for name, logits in outputs.items()},
        train_losses=train_losses,
    )
