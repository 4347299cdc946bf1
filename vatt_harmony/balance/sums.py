"""What ranks and micro-batches add up before a rule sees it: sums over samples, one vector a step."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.ratios import LEAST_SCORE
from vatt_harmony.balance.reduce import sum_over_ranks
from vatt_harmony.balance.task import Judged


@dataclass(frozen=True)
class Sums:
    """Sums over samples, float64: of scores, losses and correct answers of each modality, and of the fused loss."""

    vector: Tensor
    """[4 M + 2]: scores, losses, correct, counts (M each), fused loss, samples."""

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.vector + other.vector)

    @property
    def counts(self) -> Tensor:
        """[M] samples that have each modality."""
        return self._rows()[3]

    @property
    def samples(self) -> Tensor:
        """[] all samples."""
        return self.vector[-1]

    @property
    def fused_loss(self) -> Tensor:
        """[] mean fused loss."""
        return self.vector[-2] / self.samples.clamp(min=1)

    def means(self) -> Tensor:
        """[3, M] mean score, loss and correctness; NaN where no sample has the modality."""
        rows = self._rows()
        return rows[:3] / rows[3]

    def evidence(self, modalities: tuple[str, ...], lower_is_better: bool, step: int, epoch: int) -> Evidence:
        """What a rule sees of these sums."""
        scores, losses, accuracies = self.means().unbind()
        return Evidence(
            modalities=modalities,
            scores=scores.clamp(min=LEAST_SCORE),
            losses=losses,
            accuracies=accuracies,
            present=self.counts > 0,
            lower_is_better=lower_is_better,
            step=step,
            epoch=epoch,
        )

    def over_ranks(self) -> "Sums":
        """Added up over all ranks, which must all call."""
        return Sums(sum_over_ranks(self.vector))

    def _rows(self) -> Tensor:
        return self.vector[:-2].view(4, -1)


def add_up(
    judged: Judged | None, scores: Tensor | None, counted: Tensor, mask: Tensor | None, fused: Tensor, samples: int
) -> Sums:
    """Sums of one rank's micro-batch: outputs of heads and scores `[M, B]`, NaN where there are none.

    `counted`: [M] samples of each modality; `mask`: bool `[M, B]`, None where every sample has every modality; `fused`:
    [] mean fused loss.
    """
    unknown = counted.new_full((len(counted),), torch.nan, dtype=torch.float64)

    def total(values: Tensor | None) -> Tensor:
        if values is None:
            return unknown
        kept = values.detach() if mask is None else torch.where(mask, values.detach(), 0.0)
        return kept.sum(-1, dtype=torch.float64)

    losses, correct = (None, None) if judged is None else (judged.losses, judged.correct)
    last = torch.stack((fused.detach().double() * samples, fused.new_full((), samples, dtype=torch.float64)))
    return Sums(torch.cat((total(scores), total(losses), total(correct), counted.double(), last)))
