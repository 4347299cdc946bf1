"""Counts what a piece of code asks of the device: floating-point operations and ATen operators."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class CountWork(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside `with CountWork() as work:` every operator is counted; works on meta tensors, without any memory.

    The FLOPs are torch's own formulas (FlopCounterMode's, which itself cannot be used around `autograd.grad`):
    two a multiply-add, matrix products and attention only.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self.operators = 0
        """Operators that are no views: a stand-in for kernel launches."""

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        result = func(*args, **named)
        self.operators += not func.is_view
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **named, out_val=result)
        return result
