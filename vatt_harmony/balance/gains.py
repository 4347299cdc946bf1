"""Gains: factors on the gradient that flows back through chosen tensors."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from torch import Tensor, nn
from torch.autograd import Variable
from torch.distributed.tensor import DTensor
from torch.utils.hooks import RemovableHandle

from vatt_harmony.errors import UserError


def check_unsharded(tensor: Tensor) -> None:
    """Raise UserError for a parameter that FSDP has sharded: gradients pass by its hooks."""
    if isinstance(tensor, nn.Parameter) and isinstance(tensor.data, DTensor):
        raise UserError(
            "Gradients of single parameters are to be changed, and FSDP has sharded the parameters",
            "They would stay as they are",
            "Use DDP or ZeRO, or what acts at the features alone, such as MLB without scale_fusion_slice",
        )


def hook(tensor: Tensor, function: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Let `function` see, and change, the gradient that flows back through `tensor`; raises as `check_unsharded`."""
    check_unsharded(tensor)
    handle: RemovableHandle = tensor.register_hook(function)  # type: ignore[no-untyped-call]
    return handle


def scale_gradients(tensors: Iterable[Tensor], factor: Tensor | float) -> list[RemovableHandle]:
    """Multiply the gradient that flows back through each tensor by `factor` (a number, or a tensor []).

    It acts in the backward pass, before gradients are reduced over ranks, unscaled or clipped. Placed on an encoder's
    output it equals scaling all gradients of that encoder, to rounding.
    """
    return [hook(tensor, partial(_times, factor)) for tensor in tensors if tensor.requires_grad]


class Backward:
    """The backward passes of one loss: hooks on parameters act within them alone, not on any other's gradients."""

    def __init__(self) -> None:
        self._running = False

    def of(self, loss: Tensor) -> None:
        """Tell which loss it is; before that, nothing acts."""
        hook(loss, self._begin)

    def hook(self, parameter: Tensor, function: Callable[[Tensor], Tensor]) -> RemovableHandle:
        """As `hook`, within the backward passes of the loss."""
        return hook(parameter, partial(self._within, function))

    def _within(self, function: Callable[[Tensor], Tensor], gradient: Tensor) -> Tensor | None:
        return function(gradient) if self._running else None

    def _begin(self, gradient: Tensor) -> None:
        self._running = True
        Variable._execution_engine.queue_callback(self._end)

    def _end(self) -> None:
        self._running = False


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
