"""What the balancer's forward pass gives."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from vatt_harmony.balance.taps import Passed


@dataclass(kw_only=True)
class BalancedOutput:
    """Fused and unimodal outputs for B samples."""

    logits: Tensor
    """[B, C] fused: the model's, or what the rule puts in their place."""
    unimodal: dict[str, Tensor]
    """[B, C] of each unimodal head; empty where the rule has none."""
    model_output: Any
    """As the model gave it."""
    features: dict[str, Tensor]
    """[B, D_m] what the heads read."""
    passed: Passed
    """What the taps saw; of use to `Balancer.loss`."""
    inputs: tuple[tuple[Any, ...], Mapping[str, Any]]
    """The model's arguments, for rules that run the fusion again."""
    autocast: Callable[[], AbstractContextManager[Any]]
    """Enters the precision of the forward pass again."""
    kept: dict[str, Tensor]
    """bool [B] of each modality: whose features went to the fusion; empty where nothing was dropped."""
