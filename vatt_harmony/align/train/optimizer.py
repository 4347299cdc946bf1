"""The optimizer that a recipe names."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from vatt_harmony.align.config import OptimConfig
from vatt_harmony.align.lars import LarsAdam


def build_optimizer(parameters: Iterable[nn.Parameter], config: OptimConfig) -> Optimizer:
    """Optimizer over those `parameters` that are trained, in one group."""
    moving = [parameter for parameter in parameters if parameter.requires_grad]
    adams: dict[str, Any] = {name: getattr(config, name) for name in ("lr", "betas", "eps", "weight_decay")}
    if config.name == "lars":
        return LarsAdam(moving, trust=config.trust, **adams)
    if config.name == "lars_sgd":
        return _lars_sgd(moving, config)
    return (torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam)(moving, **adams)


def _lars_sgd(parameters: list[nn.Parameter], config: OptimConfig) -> Optimizer:
    """timm's LARS of You et al., 2017, on every tensor; one without norm moves by the plain gradient."""
    from vatt_harmony.model.torchvision_ops import prepare_torchvision

    prepare_torchvision()
    from timm.optim import Lars

    optimizer: Optimizer = Lars(
        parameters,
        lr=config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        trust_coeff=config.trust,
        always_adapt=True,
    )
    return optimizer
