"""How wide the features are that a fusion is built for."""

from collections.abc import Mapping
from typing import NamedTuple


class Width(NamedTuple):
    """Of one modality."""

    pooled: int
    tokens: int


Widths = Mapping[str, Width]
"""Modality to width, in the order of the configuration."""
