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
class Retrieval:
    """How one pair's embeddings find each other in the batch: `[B]` each, no graph, of no meaning where not valid."""

    positive: Tensor
    """Log-sum-exp of the similarities of anchor i to its own candidates."""
    row: Tensor
    """The same, to all candidates of all valid samples."""
    column: Tensor
    """The same, of all anchors that are negatives, i's own included, to the candidates of i."""
    own: Tensor
    """Similarity of anchor i to the nearest of its own candidates."""
    other: Tensor
    """Similarity of anchor i to the nearest candidate of any other valid sample."""

    def masses(self) -> Tensor:
        """Share of the positives in their row and in their column, `[2, B]`: how surely each direction finds them."""
        return (self.positive - torch.stack([self.row, self.column])).exp()

    def recall_at_1(self, valid: Tensor) -> Tensor:
        """Share of valid anchors nearer to a candidate of their own than to any other, scalar; NaN if none is valid.

        A tie counts as a miss.
        """
        return ((self.own > self.other) & valid).sum() / valid.sum()


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What one pair's similarities say of the samples of a batch."""

    losses: Tensor
    """Loss of every sample as an anchor, `[B]`; exactly 0, with zero gradient, where the pair is not valid."""
    total: Tensor
    """Their sum, a scalar with graph."""
    retrieval: Retrieval


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


def contrast(similarity: Tensor, valid: Tensor, candidates: Tensor, negatives: Tensor, mode: str) -> Contrast:
    """Losses of all samples from the whole matrix of similarities; `tiled_contrast` gives the same without it.

    similarity `[B, B, K]` from `similarities`; valid bool `[B]`: samples that have anchor and partner; candidates bool
    `[B, K]`: candidates that exist (at least one in every valid row); negatives bool `[B]`: anchors that other samples
    may use as negatives; mode: `asymmetric`, `symmetric` or `paper`. Source: VATT, arXiv 2104.11178, section 3.4
    (`paper`), and google-research vatt/utils/train/objectives.py.
    """
    partners = valid[:, None] & candidates
    # Adding to what is masked costs nothing in the backward; filling it does.
    masked = similarity + ~partners * _MASKED
    no_negative = (~negatives * _MASKED)[:, None]
    itself = torch.eye(len(valid), device=valid.device) * _MASKED
    row = masked.logsumexp(dim=(1, 2))
    column = (masked + (no_negative + itself if mode == "paper" else no_negative)[:, :, None]).logsumexp(dim=(0, 2))
    positive = masked.diagonal(dim1=0, dim2=1).logsumexp(dim=0)
    denominator = row + column - positive if mode == "symmetric" else torch.logaddexp(row, column)
    losses = (denominator - positive) * valid
    nearest = masked.detach().amax(dim=2)
    retrieval = Retrieval(
        positive=positive.detach(),
        row=row.detach(),
        column=(torch.logaddexp(column, positive) if mode == "paper" else column).detach(),
        own=nearest.diagonal(),
        other=(nearest + itself).amax(dim=1),
    )
    return Contrast(losses=losses, total=losses.sum(), retrieval=retrieval)


def _normalised(x: Tensor) -> Tensor:
    return normalize(x.to(torch.promote_types(torch.float32, x.dtype)), dim=-1, eps=_NORM_FLOOR)
