"""Outputs of modules: tensors, or tuples, lists, mappings and dataclasses of them."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor


def map_tensors(output: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """`output` with `function` applied to every tensor; the structure and everything else stay as they are."""
    if isinstance(output, Tensor):
        return function(output)
    if isinstance(output, tuple):
        mapped = [map_tensors(value, function) for value in output]
        return type(output)(*mapped) if hasattr(output, "_fields") else tuple(mapped)
    if isinstance(output, list):
        return [map_tensors(value, function) for value in output]
    if isinstance(output, Mapping):
        # Outputs of transformers keep their keys as attributes too: assigning items keeps both.
        mapping: Any = copy.copy(output)
        for key, value in output.items():
            mapping[key] = map_tensors(value, function)
        return mapping
    if is_dataclass(output) and not isinstance(output, type):
        changed = copy.copy(output)
        for field in fields(output):
            object.__setattr__(changed, field.name, map_tensors(getattr(output, field.name), function))
        return changed
    return output
