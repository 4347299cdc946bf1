"""NCE and MIL-NCE of one pair of modalities over the global batch, as pure functions.

Indices: i, j samples of the global batch of B, k one of the K candidates of a sample (K = 1: plain NCE).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vatt_harmony.objective.precision import without_autocast

# Finite: with -inf a fully masked row would be NaN, and its gradient survives a later mask.
_MASKED = -1e9
_NORM_FLOOR = 1e-6


@dataclass(frozen=True, kw_only=True)
class LogSums:
    """Log-sum-exps of one pair's similarities, `[B]` each, without graph; of no meaning where the pair is not valid."""

    positive: Tensor
    """Anchor i against its own candidates."""
    row: Tensor
    """Anchor i against all candidates of all valid samples."""
    column: Tensor
    """All anchors that are negatives, i's own included, against the candidates of i."""

    def masses(self) -> Tensor:
        """Share of the positives in row and column, `[2, B]`: how surely each direction retrieves its partner."""
        return (self.positive - torch.stack([self.row, self.column])).exp()


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What one pair's similarities say of the samples of a batch."""

    losses: Tensor
    """Loss of every sample as an anchor, `[B]`; exactly 0, with zero gradient, where the pair is not valid."""
    total: Tensor
    """Their sum, a scalar with graph."""
    sums: LogSums
    recall: Tensor | None
    """Recall@1, scalar, as in `recall_at_1`; None if it was not asked for."""


def directions(anchors: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Both towers' embeddings at length 1, in fp32 or better: anchors `[B, D]`, others `[B, K, D]`."""
    return _normalised(anchors), _normalised(others)


def similarities(anchors: Tensor, others: Tensor, temperature: float) -> Tensor:
    """Cosine similarities divided by the temperature, in fp32 or better whatever the autocast mode.

    anchors `[B, D]`, others `[B, K, D]`, not normalised → `[B, B, K]`: entry [i, j, k] compares anchor i with
    candidate k of sample j. Source: google-research vatt/utils/train/objectives.py.
    """
    with without_autocast(anchors.device):
        return torch.einsum("id,jkd->ijk", *directions(anchors, others)) / temperature


def contrast(
    similarity: Tensor, valid: Tensor, candidates: Tensor, negatives: Tensor, mode: str, recall: bool = False
) -> Contrast:
    """Losses of all samples from the whole matrix of similarities; `tiled_contrast` gives the same without it.

    similarity `[B, B, K]` from `similarities`; valid bool `[B]`: samples that have anchor and partner; candidates bool
    `[B, K]`: candidates that exist (at least one in every valid row); negatives bool `[B]`: anchors that other samples
    may use as negatives; mode: `asymmetric`, `symmetric` or `paper`. Source: VATT, arXiv 2104.11178, section 3.4
    (`paper`), and google-research vatt/utils/train/objectives.py.
    """
    partners = valid[:, None] & candidates
    # Adding to what is masked costs nothing in the backward; filling it does.
    masked = similarity + ~partners * _MASKED
    not_in_column = (~negatives * _MASKED)[:, None, None]
    if mode == "paper":
        not_in_column = not_in_column + (torch.eye(len(valid), device=valid.device) * _MASKED)[:, :, None]
    row = masked.logsumexp(dim=(1, 2))
    column = (masked + not_in_column).logsumexp(dim=(0, 2))
    positive = masked.diagonal(dim1=0, dim2=1).logsumexp(dim=0)
    denominator = row + column - positive if mode == "symmetric" else torch.logaddexp(row, column)
    losses = (denominator - positive) * valid
    whole_column = torch.logaddexp(column, positive) if mode == "paper" else column
    return Contrast(
        losses=losses,
        total=losses.sum(),
        sums=LogSums(positive=positive.detach(), row=row.detach(), column=whole_column.detach()),
        recall=recall_at_1(similarity, valid, candidates) if recall else None,
    )


def recall_at_1(similarity: Tensor, valid: Tensor, candidates: Tensor) -> Tensor:
    """Share of valid anchors that are nearer to a candidate of their own than to any other valid sample's, scalar.

    Shapes as in `contrast`. A tie counts as a miss; NaN if no sample is valid. For the log, no gradient.
    """
    partners = valid[:, None] & candidates
    nearest = similarity.detach().masked_fill(~partners, _MASKED).amax(dim=2)
    own = torch.eye(len(valid), dtype=torch.bool, device=valid.device)
    hit = nearest.diagonal() > nearest.masked_fill(own, 2 * _MASKED).amax(dim=1)
    return (hit & valid).sum() / valid.sum()


def _normalised(x: Tensor) -> Tensor:
    return normalize(x.to(torch.promote_types(torch.float32, x.dtype)), dim=-1, eps=_NORM_FLOOR)
