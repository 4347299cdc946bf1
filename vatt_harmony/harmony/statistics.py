"""What a harmonized step tells the log."""

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
    cosines = cosines.nan_to_num(nan=0.0)
    mean = _mean(cosines, paired)
    of_pairs = active & paired[:, None]
    weights = unclamped.clamp(max=w_max)
    log_norms = gram.diagonal(dim1=1, dim2=2)[:, :2].log() / 2
    return {
        "cosine_mean": mean,
        "cosine_sd": _mean((cosines - mean).square(), paired).sqrt(),
        "negative_share": _mean(cosines < 0, paired),
        "pair_share": paired.double().mean(),
        "kept_share": _mean(keep, paired),
        "weight_mean": _mean(weights, of_pairs),
        "weight_max": weights.masked_fill(~of_pairs, 1.0).amax(),
        "clamp_rate": _mean(unclamped > w_max, of_pairs),
        "norm_ratio": _mean(log_norms[:, 1] - log_norms[:, 0], active[:, :2].all(dim=1)).exp(),
    }


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return values.double().masked_fill(~mask, 0.0).sum() / mask.sum()
