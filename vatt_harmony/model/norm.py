"""Layers of the head stage: they compute in float32 at least, whatever type their parameters have."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import layer_norm, linear, rms_norm

from .init import Dense


def wide(x: Tensor) -> Tensor:
    """x in float32, or as it is where it is wider."""
    return x if x.dtype == torch.float64 else x.float()


class WideDense(Dense):
    """Linear layer computed in the type of its input."""

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight.to(input), None if self.bias is None else self.bias.to(input))


class WideLayerNorm(nn.LayerNorm):
    """LayerNorm computed in the type of its input."""

    def forward(self, input: Tensor) -> Tensor:
        return layer_norm(input, self.normalized_shape, self.weight.to(input), self.bias.to(input), self.eps)


class WideRMSNorm(nn.RMSNorm):
    """RMS-norm computed in the type of its input."""

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, list(self.normalized_shape), self.weight.to(x), self.eps)


class _Normalise(torch.autograd.Function):
    """M batches `[M, N, C]` normalised by the statistics of their valid rows, in a few operators.

    Autograd would keep and run about three times as many; the step does this for every loss. Without a branch on the
    count of valid rows, which would make the host wait for the device.
    """

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        valid: Tensor,
        weight: Tensor,
        bias: Tensor,
        default_mean: Tensor,
        default_variance: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Gives also mean and variance `[M, 1, C]` of the valid rows and their count; without any the defaults act."""
        counted = valid.to(rows.dtype)
        count = counted.sum()
        share = (counted / count.clamp_min(1))[:, None]
        batch_mean = (rows * share).sum(dim=1, keepdim=True)
        mean = torch.where(count > 0, batch_mean, default_mean)
        centred = rows - mean
        batch_variance = (centred.square() * share).sum(dim=1, keepdim=True)
        scale = torch.where(count > 0, batch_variance, default_variance).add(eps).rsqrt()
        normalised = centred * scale
        ctx.save_for_backward(normalised, scale * weight, share)
        ctx.mark_non_differentiable(batch_mean, batch_variance, count)
        return torch.addcmul(bias, normalised, weight), batch_mean, batch_variance, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Without valid rows their shares are 0: the defaults are constants, as they must be."""
        normalised, scale, share = ctx.saved_tensors
        bias_gradient = gradient.sum(dim=1, keepdim=True)
        weight_gradient = (gradient * normalised).sum(dim=1, keepdim=True)
        through_statistics = torch.addcmul(bias_gradient, normalised, weight_gradient)
        rows_gradient = torch.addcmul(gradient, share, through_statistics, value=-1) * scale
        return rows_gradient, None, weight_gradient.sum(dim=(0, 1)), bias_gradient.sum(dim=(0, 1)), None, None, None


class MaskedBatchNorm(nn.Module):
    """Batch norm over valid rows only, its statistics float32 or float64 also when the module is cast lower.

    momentum 0.1 (Keras 0.9), eps 1e-5; the running variance is the unbiased one, as in torch. In evaluation mode,
    and in a batch without a valid row, the running statistics normalise.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self._latest: list[Tensor] = []

    def forward(self, x: Tensor, valid: Tensor, update: bool) -> Tensor:
        """`[..., C]`, bool mask `[...]` of rows that count -> `[..., C]`; `update` calls `take_statistics`.

        x may have one dimension more in front, `[M, ..., C]`: M batches, each with statistics of its own, under one
        mask; the first one moves the running statistics.
        """
        weight, bias = self.weight.to(x), self.bias.to(x)
        mean, variance = self.running_mean.to(x), self.running_var.to(x)
        if not self.training:
            return (x - mean) * torch.rsqrt(variance + self.eps) * weight + bias
        rows = x.reshape(-1, valid.numel(), x.shape[-1])
        out: Tensor
        arguments = (rows, valid.flatten(), weight, bias, mean, variance, self.eps)
        out, *self._latest = _Normalise.apply(*arguments)  # type: ignore[no-untyped-call]
        if update:
            self.take_statistics()
        return out.view_as(x)

    @torch.no_grad()
    def take_statistics(self) -> None:
        """Move the running statistics towards those of the last forward in training mode, once; no-op without one."""
        if not self._latest:
            return
        mean, variance, count = self._latest
        self._latest = []
        rate = (count > 0).to(self.running_mean) * self.momentum
        unbiased = variance[0, 0] * (count / (count - 1).clamp_min(1))
        self.running_mean.lerp_(mean[0, 0].to(self.running_mean), rate)
        self.running_var.lerp_(unbiased.to(self.running_var), rate)

    def forget_statistics(self) -> None:
        """Leave out those of the last forward."""
        self._latest = []

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        before = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in before.items():
            cast = getattr(self, name)
            if cast.dtype in (torch.float16, torch.bfloat16):
                setattr(self, name, buffer.to(cast.device))
        return self
