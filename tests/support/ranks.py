"""Run a function on several gloo ranks of this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vatt_harmony.scale import ranks


def run_ranks(function: Callable[..., Any], world_size: int, folder: Path, *arguments: Any) -> list[Any]:
    """`vatt_harmony.scale.ranks.run_ranks`, its files in `folder`."""
    return ranks.run_ranks(function, world_size, *arguments, folder=folder)
