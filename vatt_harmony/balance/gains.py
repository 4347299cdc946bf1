"""Gains: factors on the gradient that flows back through chosen tensors."""

from collections.abc import Iterable

from torch import Tensor


def scale_gradients(tensors: Iterable[Tensor], factor: Tensor | float) -> None:
    """Multiply the gradient that flows back through each tensor by `factor` (a number, or a tensor []).

    It acts in the backward pass, before gradients are reduced over ranks, unscaled or clipped. Placed on an encoder's
    output it equals scaling all gradients of that encoder, to rounding.
    """
    for tensor in tensors:
        if tensor.requires_grad:
            own = factor.to(tensor.device) if isinstance(factor, Tensor) else factor
            tensor.register_hook(lambda gradient, own=own: gradient * own)


def note_norms(tensors: Iterable[Tensor], norms: list[Tensor]) -> None:
    """Append the norm of the gradient that flows back through each tensor to `norms`."""
    for tensor in tensors:
        if tensor.requires_grad:
            tensor.register_hook(lambda gradient: norms.append(gradient.detach().float().norm()))
