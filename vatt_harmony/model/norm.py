"""Layers of the head stage: they compute in float32 at least, whatever type their parameters have."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear, rms_norm

from .init import Dense


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

    def forward(self, x: Tensor, valid: Tensor, update: bool) -> Tensor:
        """`[..., C]`, bool mask `[...]` of rows that count -> `[..., C]`; `update` moves the running statistics."""
        mean, variance = self.running_mean.to(x), self.running_var.to(x)
        if self.training:
            # Without a branch on the count, which would make the host wait for the device.
            count = valid.sum()
            rows = valid.unsqueeze(-1)
            batch_mean = torch.where(rows, x, 0).flatten(0, -2).sum(0) / count.clamp_min(1)
            squares = torch.where(rows, x - batch_mean, 0).square().flatten(0, -2).sum(0)
            if update:
                self._update(batch_mean.detach(), squares.detach() / (count - 1).clamp_min(1), count > 0)
            mean = torch.where(count > 0, batch_mean, mean)
            variance = torch.where(count > 0, squares / count.clamp_min(1), variance)
        return (x - mean) * torch.rsqrt(variance + self.eps) * self.weight.to(x) + self.bias.to(x)

    @torch.no_grad()
    def _update(self, mean: Tensor, variance: Tensor, any_valid: Tensor) -> None:
        rate = torch.where(any_valid, self.momentum, 0.0).to(self.running_mean)
        self.running_mean.lerp_(mean.to(self.running_mean), rate)
        self.running_var.lerp_(variance.to(self.running_var), rate)

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        before = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in before.items():
            cast = getattr(self, name)
            if cast.dtype in (torch.float16, torch.bfloat16):
                setattr(self, name, buffer.to(cast.device))
        return self
