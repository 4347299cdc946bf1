"""The plain sum, under the name `sum`."""

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions


def plain_sum(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """Weights 1: the plain sum of the losses."""
    return torch.ones_like(active, dtype=gram.dtype)
