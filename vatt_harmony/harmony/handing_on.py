"""A scalar that hands given gradients on."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def handing_on(value: Tensor, receivers: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """A scalar with this value whose backward gives each receiver its gradient, times the scalar's own gradient."""
    scalar: Tensor = _HandingOn.apply(value, tuple(gradients), *receivers)  # type: ignore[no-untyped-call]
    return scalar


class _HandingOn(torch.autograd.Function):
    """One node for all: a sum of products would cost four operators for each receiver."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: tuple[Tensor, ...], *receivers: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value.detach().clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None  # who keeps the loss for a log must not keep these
        if gradients is None:
            raise RuntimeError("A harmonized loss can be back-propagated once only; harmonize again for another step")
        # A loss scaler's factor; autograd casts each gradient to its receiver's type afterwards.
        return None, None, *torch._foreach_mul(gradients, scale)
