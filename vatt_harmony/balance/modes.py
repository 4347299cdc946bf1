"""Running a module on what somebody calls a batch, and in evaluation mode for a while."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Within it all parts of `module` are in evaluation mode; then each is as it was."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


def as_arguments(example: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Positional and named arguments: a mapping is named ones, a tuple or list positional ones, all else one."""
    if isinstance(example, Mapping):
        return (), example
    return (tuple(example), {}) if isinstance(example, tuple | list) else ((example,), {})
