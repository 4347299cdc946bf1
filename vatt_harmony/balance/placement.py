"""Where k acts: chosen from the optimizer, and from whether modalities share parameters."""

import logging
import warnings
from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from vatt_harmony.balance.groups import KEY, is_adaptive
from vatt_harmony.balance.rule import Point, Rule
from vatt_harmony.errors import UserError

log = logging.getLogger(__name__)


def place(
    wanted: Point | Literal["auto"],
    rule: Rule,
    optimizers: list[torch.optim.Optimizer],
    shared: bool,
    owned: Mapping[str, list[nn.Parameter]],
) -> Point:
    """The point at which `rule` acts, logged.

    `shared`: whether modalities have parameters in common; `owned`: trained parameters of each modality alone.
    Warns where an adaptive optimizer cancels k; raises UserError where the point cannot be.
    """
    possible = [point for point in rule.points if point != "loss" or rule.unimodal]
    adaptive = any(is_adaptive(optimizer) for optimizer in optimizers)
    point = _choose(possible, adaptive, shared) if wanted == "auto" else wanted
    name = type(rule).__name__
    if wanted == "auto" and not optimizers and type(rule).coefficients is not Rule.coefficients:
        raise UserError(
            "The point is auto, but no optimizer is attached",
            "Whether k survives the optimizer's step cannot be known",
            "Call balancer.attach(optimizer), or name the point: grad, lr or loss",
        )
    if point not in possible:
        raise UserError(
            f"The rule {name} cannot act at the point {point}",
            "Its coefficients would change nothing" if point == "loss" else "That is not what the rule is",
            f"Choose one of {', '.join(possible)}, or auto",
        )
    if point == "lr":
        _check_groups(optimizers, shared, owned)
    if point == "grad" and adaptive and not shared and type(rule).coefficients is not Rule.coefficients:
        warnings.warn(
            "The point is grad and the optimizer adaptive, as Adam is: a constant k is cancelled altogether, a change "
            "of k within some 1 / (1 - beta2) steps. The point lr means k; loss survives too; SGD does not cancel.",
            stacklevel=3,
        )
    log.info("balance: %s acts at the point %s", name, point)
    return point


def _choose(possible: list[Point], adaptive: bool, shared: bool) -> Point:
    wanted: Point = "grad"
    if adaptive:
        wanted = "loss" if shared else "lr"
    return wanted if wanted in possible else "grad"


def _check_groups(
    optimizers: list[torch.optim.Optimizer], shared: bool, owned: Mapping[str, list[nn.Parameter]]
) -> None:
    if not optimizers:
        raise UserError(
            "The point is lr, but no optimizer is attached",
            "No learning rate would change",
            "Call balancer.attach(optimizer) before the first step",
        )
    if shared:
        raise UserError(
            "The point is lr, but modalities share parameters",
            "A shared parameter cannot step at two rates",
            "Choose the point loss or grad, or auto",
        )
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    own = {name for name, parameters in owned.items() if parameters}
    without = own - {group.get(KEY) for group in groups}
    # ZeRO's groups hold flat copies, of which nothing but the key is known.
    owner = {parameter: name for name, parameters in owned.items() for parameter in parameters}
    mixed = {owner[p] for group in groups for p in group["params"] if p in owner and owner[p] != group.get(KEY)}
    if without or mixed:
        raise UserError(
            f"No parameter group of the optimizer belongs to {', '.join(sorted(without))} alone"
            if without
            else f"Some parameters of {', '.join(sorted(mixed))} are in parameter groups of others too",
            "Its learning rate could not be changed",
            "Make the optimizer from balancer.parameter_groups(lr=...)",
        )
