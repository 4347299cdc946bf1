"""The optimizer that a recipe names, over groups that keep modalities apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from vatt_harmony.finetune.config import EncoderConfig, OptimConfig

Group = dict[str, Any]


def scaled_groups(groups: Sequence[Group], encoders: Mapping[str, EncoderConfig]) -> list[Group]:
    """Parameter groups in which an encoder's rate is `lr_scale` times as high; without parameters that do not learn.

    `groups`: those of the balancer, with the key `modality` where all parameters are one encoder's.
    """
    scaled = []
    for group in groups:
        learning = [parameter for parameter in group["params"] if parameter.requires_grad]
        encoder = encoders.get(group.get("modality") or "")
        scale = 1.0 if encoder is None else encoder.lr_scale
        if learning:
            scaled.append({**group, "params": learning, "lr": group["lr"] * scale})
    return scaled


def build_optimizer(groups: Sequence[Group], config: OptimConfig) -> Optimizer:
    """Adam with coupled L2 decay, AdamW with decoupled decay, or SGD with momentum."""
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay)
