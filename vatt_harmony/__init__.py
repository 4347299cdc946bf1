"""Pretrain video-audio-text encoders whose contrastive losses do not fight each other."""

import importlib
from typing import TYPE_CHECKING, Any

from vatt_harmony.registration import register_with_transformers

if TYPE_CHECKING:
    from vatt_harmony.model.hf import VattModel
    from vatt_harmony.model.processor import VattProcessor

__version__ = "0.1.0"
__all__ = ["VattModel", "VattProcessor"]

_LAZY = {"VattModel": "vatt_harmony.model.hf", "VattProcessor": "vatt_harmony.model.processor"}


def __getattr__(name: str) -> Any:
    # Importing torch and transformers takes seconds, which `vatt-harmony --help` should not.
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


register_with_transformers()
