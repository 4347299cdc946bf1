"""What a harmonized step tells the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, stack


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The losses' gradients of a global batch of B samples against each other."""

    gram: Tensor
    """Inner products `[B, M, M]`, up to one factor common to all."""
    expected: Tensor
    """Bool `[B, M]`: the sample has what the loss compares, and the loss reaches the compared branches."""
    active: Tensor
    """Bool `[B, M]`: and its gradient is finite and does not vanish."""
    cosines: Tensor
    """The lowest of each sample `[B]`; NaN where it has no two active losses."""
    unclamped: Tensor
    """Weights of the rule `[B, M]` before the bound w_max."""
    w_max: float

    @property
    def log_norm_ratio(self) -> Tensor:
        """log(‖g_2‖ / ‖g_1‖) of the first two losses `[B]`; NaN unless both are active."""
        log_norms = self.gram.diagonal(dim1=1, dim2=2)[:, :2].log() / 2
        return (log_norms[:, 1] - log_norms[:, 0]).masked_fill(~self.active[:, :2].all(dim=1), float("nan"))


def statistics(comparison: Comparison, keep: Tensor) -> dict[str, Tensor]:
    """Scalars over the pairs (samples with a cosine) of the global batch; NaN where there is nothing to average.

    keep: bool `[B]`. norm_ratio is the geometric mean of ‖g_2‖ / ‖g_1‖ for the first two losses; degenerate counts the
    samples with a valid loss that has no usable gradient.
    """
    cosines, active, unclamped, w_max = comparison.cosines, comparison.active, comparison.unclamped, comparison.w_max
    paired = ~cosines.isnan()
    of_pairs = active & paired[:, None]
    weights = unclamped.clamp(-w_max, w_max)
    mean, square, negative, kept = _means([cosines, cosines.square(), cosines < 0, keep], paired)
    weight_mean, clamp_rate = _means([weights, unclamped.abs() > w_max], of_pairs)
    (log_ratio,) = _means([comparison.log_norm_ratio], active[:, :2].all(dim=1))
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
        "degenerate": (comparison.expected & ~active).any(dim=1).sum(),
    }


def _means(values: Sequence[Tensor], mask: Tensor) -> tuple[Tensor, ...]:
    """Mean of each tensor over the true entries of mask, of the same shape."""
    rows = stack([value.double() for value in values]).masked_fill(~mask, 0.0)
    return (rows.flatten(1).sum(dim=1) / mask.sum()).unbind()
