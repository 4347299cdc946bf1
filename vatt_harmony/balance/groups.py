"""Which parameters belong to which modality, and what kind of optimizer steps them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from vatt_harmony.balance.features import Feature
from vatt_harmony.errors import UserError

KEY = "modality"
"""Key of an optimizer's parameter group that names its modality."""
ADAPTIVE = frozenset({"betas", "beta2_decay", "decay_rate", "alpha", "rho", "lr_decay", "etas", "ns_steps"})
"""Options that only optimizers have whose step hardly grows with the gradient's size."""
DECOUPLED = ("AdamW", "Lion", "Adafactor", "Muon")
"""Parts of the names of optimizers, of torch and of others, whose weight decay is a step of its own."""


def owned_parameters(model: nn.Module, features: Mapping[str, Feature]) -> dict[str, list[nn.Parameter]]:
    """Trained parameters that lie in the modules of one modality alone."""
    modules = {name: [path for path in (f.path, *f.parameters) if path is not None] for name, f in features.items()}
    every = {
        name: [p for path in paths for p in model.get_submodule(path).parameters() if p.requires_grad]
        for name, paths in modules.items()
    }
    owners: dict[nn.Parameter, set[str]] = {}
    for name, parameters in every.items():
        for parameter in parameters:
            owners.setdefault(parameter, set()).add(name)
    return {name: [p for p in dict.fromkeys(own) if len(owners[p]) == 1] for name, own in every.items()}


def make_groups(
    owned: Mapping[str, list[nn.Parameter]],
    every: list[nn.Parameter],
    lr: float | Mapping[str, float],
    weight_decay: float | None,
) -> list[dict[str, Any]]:
    """One parameter group a modality, under the key "modality", and one of the rest.

    `lr`: one rate, or one for each modality and "rest"; raises UserError where one is missing. `weight_decay`: None
    for the optimizer's own.
    """
    decay = {} if weight_decay is None else {"weight_decay": weight_decay}
    groups = {name: list(parameters) for name, parameters in owned.items() if parameters}
    taken = {parameter for parameters in groups.values() for parameter in parameters}
    rest = [parameter for parameter in every if parameter.requires_grad and parameter not in taken]
    made: list[dict[str, Any]] = [
        {"params": parameters, "lr": _rate(lr, name), **decay, KEY: name} for name, parameters in groups.items()
    ]
    if rest:
        made.append({"params": rest, "lr": _rate(lr, "rest"), **decay})
    return made


def base_optimizer(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer of torch within wrappers of Accelerate or DeepSpeed; raises UserError where there is none."""
    while hasattr(optimizer, "optimizer"):
        optimizer = optimizer.optimizer
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UserError(
            f"{type(optimizer).__name__} is no optimizer of torch",
            "Its steps could not be followed",
            "Attach a torch.optim.Optimizer, or what Accelerate or DeepSpeed made of one",
        )
    return optimizer


def is_partitioned(optimizer: Any) -> bool:
    """Whether gradients are partitioned over ranks: ZeRO stage 2 or 3."""
    while optimizer is not None:
        if getattr(optimizer, "partition_gradients", False) or "Stage3" in type(optimizer).__name__:
            return True
        optimizer = getattr(optimizer, "optimizer", None)
    return False


def name_groups(optimizer: torch.optim.Optimizer, owned: Mapping[str, list[nn.Parameter]]) -> None:
    """Write the modality into each parameter group that holds parameters of one modality alone and does not say so."""
    owner = {parameter: name for name, parameters in owned.items() for parameter in parameters}
    for group in optimizer.param_groups:
        names = {owner.get(parameter) for parameter in group["params"]}
        if KEY not in group and len(names) == 1 and None not in names:
            group[KEY] = names.pop()


def is_adaptive(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a constant factor on the gradient is lost in the step, as under Adam."""
    return not isinstance(optimizer, torch.optim.SGD) and bool(ADAPTIVE & optimizer.defaults.keys())


def is_decoupled(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> bool:
    """Whether weight decay is a step of its own, lr x decay x weight, as in AdamW."""
    if "decoupled_weight_decay" in group:  # torch's Adam and its kin
        return bool(group["decoupled_weight_decay"])
    if hasattr(optimizer, "adam_w_mode"):  # DeepSpeed's and Apex's
        return bool(optimizer.adam_w_mode)
    return any(part in kind.__name__ for kind in type(optimizer).__mro__ for part in DECOUPLED)


def _rate(lr: float | Mapping[str, float], name: str) -> float:
    if not isinstance(lr, Mapping):
        return lr
    if name not in lr:
        raise UserError(
            f"No learning rate is given for {name!r}", "Its parameters would not learn", f"Add lr[{name!r}]"
        )
    return lr[name]
