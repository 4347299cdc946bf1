"""The optimizer: its configuration, which parameters decay, and how torch builds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """Optimizer and learning-rate schedule (`engine/schedule.py`) of pretraining."""

    name: Literal["adamw", "adam"] = "adamw"
    """`adam` is the original recipe: no weight decay at all."""
    lr: float = 1e-4
    """Learning rate at the end of the warm-up."""
    lr_end: float = 5e-5
    """Learning rate at the last step; not read when `shape` is `constant`."""
    warmup: int = 10_000
    """Steps of linear warm-up from 0; 0 = none."""
    shape: Literal["half", "quarter", "constant"] = "half"
    """Which part of a cosine period leads from `lr` to `lr_end`."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay rates of the two moments."""
    eps: float = 1e-8
    """Added to the root of the second moment; 1e-7 is the original's."""
    weight_decay: float = 0.01
    """Decoupled decay of weight matrices; not applied by `adam`."""
    clip: float = 0.0
    """Largest global gradient norm; 0 = no clipping."""
    no_decay: tuple[str, ...] = ("position", "relative", "agg")
    """A parameter with one of these in its name never decays; nor does any with fewer than two axes."""

    def __post_init__(self) -> None:
        for field in ("lr", "lr_end", "warmup", "weight_decay", "clip"):
            if not getattr(self, field) >= 0:
                raise ValueError(f"{field}, {getattr(self, field)}, at least 0")
        if not self.eps > 0:
            raise ValueError(f"eps, {self.eps}, above 0")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas, {self.betas}, two numbers in [0, 1)")


def parameter_groups(module: nn.Module, config: OptimConfig) -> list[dict[str, Any]]:
    """Split the trainable parameters of `module` into a group that decays and one that does not.

    Biases, norms and single vectors are recognised by having fewer than two axes, tables by `config.no_decay`.
    Empty groups are left out. Call it before ZeRO-3 partitions the parameters: that flattens their shapes.
    """
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            (decayed if _decays(name, parameter, config.no_decay) else spared).append(parameter)
    weight_decay = config.weight_decay if config.name == "adamw" else 0.0
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def build_optimizer(module: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """Torch's AdamW or Adam over `parameter_groups`, with fused kernels where all parameters lie on CUDA.

    A torch optimizer also under DeepSpeed: its own by name compile for minutes on CPU.
    """
    groups = parameter_groups(module, config)
    fused = all(parameter.is_cuda for group in groups for parameter in group["params"])
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.lr, betas=config.betas, eps=config.eps, fused=fused)


def _decays(name: str, parameter: nn.Parameter, no_decay: Sequence[str]) -> bool:
    return parameter.ndim >= 2 and not any(part in name for part in no_decay)
