"""What a harmonized step tells the log."""

from collections.abc import Sequence

import torch
from torch import Tensor


def statistics(
    gram: Tensor, active: Tensor, cosines: Tensor, keep: Tensor, unclamped: Tensor, w_max: float
) -> dict[str, Tensor]:
    """Scalars over the pairs (samples with a cosine) of the global batch; NaN where there is nothing to average.

    gram `[B, M, M]`, active bool `[B, M]`, cosines `[B]` with NaN for samples that are no pair, keep bool `[B]`,
    unclamped `[B, M]` weights of the rule before the bound w_max. norm_ratio is the geometric mean of ‖g_2‖ / ‖g_1‖ for
    the first two losses.
    """
    paired = ~cosines.isnan()
    of_pairs = active & paired[:, None]
    both = active[:, :2].all(dim=1)
    weights = unclamped.clamp(max=w_max)
    log_norms = gram.diagonal(dim1=1, dim2=2)[:, :2].log() / 2
    mean, square, negative, kept = _means([cosines, cosines.square(), cosines < 0, keep], paired)
    weight_mean, clamp_rate = _means([weights, unclamped > w_max], of_pairs)
    (log_ratio,) = _means([log_norms[:, 1] - log_norms[:, 0]], both)
    return {
        "cosine_mean": mean,
        "cosine_sd": (square - mean.square()).clamp(min=0).sqrt(),
        "negative_share": negative,
        "pair_share": paired.double().mean(),
        "kept_share": kept,
        "weight_mean": weight_mean,
        "weight_max": weights.masked_fill(~of_pairs, 1.0).amax(),
        "clamp_rate": clamp_rate,
        "norm_ratio": log_ratio.exp(),
    }


def _means(values: Sequence[Tensor], mask: Tensor) -> tuple[Tensor, ...]:
    """Mean of each tensor over the true entries of mask, of the same shape; one pass for all, these run every step."""
    rows = torch.stack([value.double() for value in values]).masked_fill(~mask, 0.0)
    return (rows.flatten(1).sum(dim=1) / mask.sum()).unbind()
