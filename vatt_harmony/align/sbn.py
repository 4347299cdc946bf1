"""Sequence-wise batch norm: channels normalised over all real steps of all sequences of the batch."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

MOMENTUM = 0.1
EPS = 1e-5


class SequenceBatchNorm(nn.Module):
    """Batch norm over the steps `[B, T, C]` that are real, with the unbiased variance, as Wang et al., WACV 2021.

    In training the statistics are those of the global batch: every rank must call it, with its own rows, also where
    it has none. A global batch of fewer than two steps is normalised by the running statistics. With accumulated
    gradients the statistics are those of each micro-batch.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """`[B, T, C]`, bool `[B, T]` -> `[B, T, C]`, zero at steps that are not real."""
        mean, variance = self._statistics(x, real) if self.training else (self.running_mean, self.running_var)
        scale = self.weight * (variance + EPS).rsqrt()
        return (x * scale + (self.bias - mean * scale)) * real.unsqueeze(-1)

    def _statistics(self, x: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and unbiased variance `[C]` of the real steps of all ranks; the running ones follow."""
        counted = real.unsqueeze(-1).to(x.dtype)
        sums = _over_ranks(torch.cat([(x * counted).sum((0, 1)), counted.sum().unsqueeze(0)]))
        count = sums[-1]
        mean = sums[:-1] / count.clamp(min=1)
        # Squares of deviations: those of the values themselves lose the variance of channels far from zero.
        variance = _over_ranks(((x - mean).square() * counted).sum((0, 1))) / (count - 1).clamp(min=1)
        enough = count > 1
        mean, variance = torch.where(enough, mean, self.running_mean), torch.where(enough, variance, self.running_var)
        with torch.no_grad():
            self.running_mean.lerp_(mean, MOMENTUM)
            self.running_var.lerp_(variance, MOMENTUM)
        return mean, variance


def _over_ranks(x: Tensor) -> Tensor:
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        return _SumOverRanks.apply(x)  # type: ignore[no-any-return, no-untyped-call]
    return x


class _SumOverRanks(torch.autograd.Function):
    """Sum over ranks whose gradient is the sum of all ranks' gradients, as every rank's loss depends on it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total
