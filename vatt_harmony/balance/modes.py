"""Running a module on what somebody calls a batch, and for a while in evaluation mode or another's autocast."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn


def autocast_now(device: str) -> Callable[[], torch.autocast]:
    """Enters, later and elsewhere, the autocast that is in force on this kind of device now."""
    kind, enabled = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return partial(torch.autocast, device, dtype=kind, enabled=enabled)


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
