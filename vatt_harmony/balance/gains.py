"""Gains: factors on the gradient that flows back through chosen tensors."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from torch import Tensor
from torch.utils.hooks import RemovableHandle


def hook(tensor: Tensor, function: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Let `function` see, and change, the gradient that flows back through `tensor`."""
    handle: RemovableHandle = tensor.register_hook(function)  # type: ignore[no-untyped-call]
    return handle


def scale_gradients(tensors: Iterable[Tensor], factor: Tensor | float) -> list[RemovableHandle]:
    """Multiply the gradient that flows back through each tensor by `factor` (a number, or a tensor []).

    It acts in the backward pass, before gradients are reduced over ranks, unscaled or clipped. Placed on an encoder's
    output it equals scaling all gradients of that encoder, to rounding.
    """
    return [hook(tensor, partial(_times, factor)) for tensor in tensors if tensor.requires_grad]


def note_norms(tensors: Mapping[str, Iterable[Tensor]], norms: dict[str, list[Tensor]]) -> None:
    """Write the norms of the gradients that flow back through each modality's tensors into `norms`."""
    for name, own in tensors.items():
        noted = norms.setdefault(name, [])
        for tensor in own:
            if tensor.requires_grad:
                hook(tensor, partial(_note, noted))


def _times(factor: Tensor | float, gradient: Tensor) -> Tensor:
    return gradient * (factor.to(gradient.device) if isinstance(factor, Tensor) else factor)


def _note(norms: list[Tensor], gradient: Tensor) -> None:
    norms.append(gradient.detach().float().norm())
