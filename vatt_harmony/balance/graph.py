"""Walks over the autograd graph: what lies upstream of a tensor."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor


def upstream(tensors: Iterable[Tensor]) -> tuple[set[Any], set[Tensor]]:
    """Graph nodes and leaf tensors from which `tensors` are computed."""
    leaves: set[Tensor] = set()
    nodes: set[Any] = set()
    waiting: list[Any] = []
    for tensor in tensors:
        if tensor.grad_fn is not None:
            waiting.append(tensor.grad_fn)
        elif tensor.requires_grad:
            leaves.add(tensor)
    while waiting:
        node = waiting.pop()
        if node in nodes:
            continue
        nodes.add(node)
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor):
            leaves.add(variable)
        waiting.extend(before for before, _ in node.next_functions if before is not None)
    return nodes, leaves


def comes_from(nodes: set[Any], leaves: set[Tensor], tensor: Tensor) -> bool:
    """Whether `tensor` is among what `upstream` found."""
    return tensor.grad_fn in nodes if tensor.grad_fn is not None else tensor in leaves
