"""NCE and MIL-NCE of one pair of modalities over the global batch, as pure functions.

Indices: i, j samples of the global batch of B, k one of the K candidates of a sample (K = 1: plain NCE).
"""

import torch
from torch import Tensor

from vatt_harmony.objective.precision import without_autocast

# A finite fill: with -inf a fully masked row would be NaN, and its gradient survives a later `where`.
_MASKED = -1e9
_SQUARED_NORM_FLOOR = 1e-12


def similarities(anchors: Tensor, others: Tensor, temperature: float) -> Tensor:
    """Cosine similarities divided by the temperature, in fp32 or better whatever the autocast mode.

    anchors `[B, D]`, others `[B, K, D]`, not normalised → `[B, B, K]`: entry [i, j, k] compares anchor i with
    candidate k of sample j. Source: google-research vatt/utils/train/objectives.py.
    """
    with without_autocast(anchors.device):
        return torch.einsum("id,jkd->ijk", _normalised(anchors), _normalised(others)) / temperature


def contrastive_losses(similarity: Tensor, valid: Tensor, candidates: Tensor, negatives: Tensor, mode: str) -> Tensor:
    """Loss of every sample as an anchor, `[B]`; exactly 0, with zero gradient, where `valid` is false.

    similarity `[B, B, K]` from `similarities`; valid bool `[B]`: samples that have anchor and partner; candidates bool
    `[B, K]`: candidates that exist (at least one in every valid row); negatives bool `[B]`: anchors that other samples
    may use as negatives; mode: `asymmetric`, `symmetric` or `paper`. Source: VATT, arXiv 2104.11178, section 3.4
    (`paper`), and google-research vatt/utils/train/objectives.py.
    """
    partners = valid[:, None] & candidates
    anchors_of_column = negatives[:, None, None] & partners
    if mode == "paper":
        own = torch.eye(len(valid), dtype=torch.bool, device=valid.device)
        anchors_of_column = anchors_of_column & ~own[:, :, None]
    row = similarity.masked_fill(~partners, _MASKED).logsumexp(dim=(1, 2))
    column = similarity.masked_fill(~anchors_of_column, _MASKED).logsumexp(dim=(0, 2))
    own_candidates = similarity.diagonal(dim1=0, dim2=1).T
    positive = own_candidates.masked_fill(~partners, _MASKED).logsumexp(dim=1)
    denominator = row + column - positive if mode == "symmetric" else torch.logaddexp(row, column)
    return torch.where(valid, denominator - positive, 0.0)


def recall_at_1(similarity: Tensor, valid: Tensor, candidates: Tensor) -> Tensor:
    """Share of valid anchors that are nearer to a candidate of their own than to any other valid sample's, scalar.

    Shapes as in `contrastive_losses`. A tie counts as a miss; NaN if no sample is valid. For the log, no gradient.
    """
    partners = valid[:, None] & candidates
    nearest = similarity.detach().masked_fill(~partners, _MASKED).amax(dim=2)
    own = torch.eye(len(valid), dtype=torch.bool, device=valid.device)
    hit = nearest.diagonal() > nearest.masked_fill(own, 2 * _MASKED).amax(dim=1)
    return (hit & valid).sum() / valid.sum()


def _normalised(x: Tensor) -> Tensor:
    x = x.to(torch.promote_types(torch.float32, x.dtype))
    return x * x.square().sum(dim=-1, keepdim=True).clamp(min=_SQUARED_NORM_FLOOR).rsqrt()
