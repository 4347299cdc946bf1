"""What one step tells about each modality; tensors until somebody asks for numbers."""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.ratios import behind
from vatt_harmony.balance.rule import Point
from vatt_harmony.balance.sums import Sums


@dataclass(kw_only=True)
class Report:
    """Figures of one micro-batch over all ranks, M modalities in the order of the balancer's."""

    modalities: tuple[str, ...]
    sums: Sums
    """Of this micro-batch alone, over all ranks."""
    lower_is_better: bool
    step: int
    """Optimizer steps taken before."""
    epoch: int
    k: Tensor | None
    """[M] in force in this step; None is 1."""
    point: Point
    non_finite: Tensor | None
    """[] how many coefficients were not finite since training began; None is 0."""
    norms_before: dict[str, list[Tensor]] = field(default_factory=dict)
    """Norms of the gradient at each feature on this rank: there after the backward pass of a monitored step."""
    norms_after: dict[str, list[Tensor]] = field(default_factory=dict)
    """The same behind the gain."""
    update_ratios: dict[str, Tensor] = field(default_factory=dict)
    """|change| / |parameters| of each modality's group: there after the optimizer's monitored step."""

    @cached_property
    def evidence(self) -> Evidence:
        """Scores, losses and accuracies [M] of this micro-batch."""
        return self.sums.evidence(self.modalities, self.lower_is_better, self.step, self.epoch)

    @property
    def fused_loss(self) -> Tensor:
        """[] mean over the global batch."""
        return self.sums.fused_loss

    @property
    def ratios(self) -> Tensor:
        """r [M]: mean score of the others over one's own, above 1 is behind."""
        return behind(self.evidence.scores, self.evidence.present, self.evidence.lower_is_better)

    @property
    def distance(self) -> float:
        """Mean |k - 1| over modalities: what balancing still does."""
        return 0.0 if self.k is None else float((self.k - 1).abs().mean())

    def scalars(self) -> dict[str, float]:
        """All figures, flat, such as "k/audio"; waits for the device. What is not known is left out."""
        k = torch.ones_like(self.evidence.scores) if self.k is None else self.k
        rows = {
            "score": self.evidence.scores,
            "ratio": self.ratios,
            "k": k,
            "loss": self.evidence.losses,
            "accuracy": self.evidence.accuracies,
        }
        values = torch.stack([row.to(k) for row in rows.values()]).tolist()
        figures = {
            f"{row}/{name}": value
            for row, own in zip(rows, values, strict=True)
            for name, value in zip(self.modalities, own, strict=True)
            if value == value
        }
        for when, noted in (("before", self.norms_before), ("after", self.norms_after)):
            figures |= {f"gradient_{when}/{name}": float(torch.stack(own).norm()) for name, own in noted.items() if own}
        figures |= {f"update_ratio/{name}": float(ratio) for name, ratio in self.update_ratios.items()}
        non_finite = 0.0 if self.non_finite is None else float(self.non_finite)
        return figures | {"distance": self.distance, "fused_loss": float(self.fused_loss), "non_finite": non_finite}
