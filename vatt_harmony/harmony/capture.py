"""Reads what a layer of somebody else's model is given, for the signal `last_linear`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from torch import Tensor, nn

Pool = Literal["first", "mean"] | Callable[[Tensor], Tensor]


@contextmanager
def capture_input(layer: nn.Module, pool: Pool = "first") -> Iterator[list[Tensor]]:
    """The inputs `[b, P]` with which `layer` is called inside the block, one entry a call, in the order of the calls.

    pool: what becomes of `[b, T, P]`: the `first` token, the `mean` of all tokens, or a function of it; it must be how
    the model pools. Inputs keep their graph. The hook is gone after the block, so what gradient checkpointing calls
    again during backward is not read twice. No communication.
    """
    captured: list[Tensor] = []

    def keep(_: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        (given, *_others) = (*positional, *named.values())
        captured.append(_pooled(given, pool))

    hook = layer.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        yield captured
    finally:
        hook.remove()


def _pooled(tokens: Tensor, pool: Pool) -> Tensor:
    if callable(pool):
        return pool(tokens)
    if tokens.dim() == 2:
        return tokens
    return tokens[:, 0] if pool == "first" else tokens.mean(dim=1)
