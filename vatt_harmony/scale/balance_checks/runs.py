"""Short runs of the toy under a balancer, whose parameters afterwards are compared."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vatt_harmony.balance import Balancer, Classification, make_rule, placement
from vatt_harmony.balance.rule import Point
from vatt_harmony.scale.balance_checks.toy import CLASSES, MODALITIES, Samples, batches, make_toy

Kind = Literal["adamw", "adam", "sgd"]
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}
RATES = {"adamw": 1e-2, "adam": 1e-2, "sgd": 1e-1}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is trained, and how."""

    rule: str = "mlb"
    options: Mapping[str, Any] = field(default_factory=dict)
    point: Point | Literal["auto"] = "auto"
    optimizer: Kind = "adamw"
    steps: int = 20
    rows: int = 16
    micro: int = 1
    """Micro-batches an optimizer step."""
    modalities: int = 2
    missing: bool = False
    weight_decay: float = 0.0
    eps: float = 1e-8
    dtype: torch.dtype = torch.float64
    balancer: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the balancer."""

    def samples(self) -> list[Samples]:
        """All batches."""
        return list(batches(self.steps, self.rows, self.modalities, self.missing, self.dtype))


def make(run: Run) -> tuple[Balancer, torch.optim.Optimizer]:
    """The toy in its balancer, and the optimizer that it follows."""
    balancer = Balancer(
        make_toy(run.modalities, run.dtype),
        {name: f"encoders.{name}" for name in MODALITIES[: run.modalities]},
        task=Classification(CLASSES),
        rule=make_rule(run.rule, run.options),
        point=run.point,
        accumulation=run.micro,
        fusion="fusion",
        example=next(batches(1, 2, run.modalities, dtype=run.dtype)).inputs,
        **run.balancer,
    )
    settings: dict[str, Any] = {} if run.optimizer == "sgd" else {"eps": run.eps}
    groups = balancer.parameter_groups(lr=RATES[run.optimizer], weight_decay=run.weight_decay)
    optimizer = OPTIMIZERS[run.optimizer](groups, **settings)
    balancer.attach(optimizer)
    return balancer, optimizer


def train(
    run: Run,
    rows: Callable[[int], slice] = lambda batch: slice(None),
    wrap: Callable[[Balancer], nn.Module] = lambda balancer: balancer,
) -> Tensor:
    """Parameters `[P]` after the run, trained on the `rows` of each batch that are this rank's; None is all of them."""
    balancer, optimizer = make(run)
    model = wrap(balancer)
    for number, whole in enumerate(run.samples()):
        mine = whole.rows(rows(number))
        size = len(mine.targets) // run.micro
        optimizer.zero_grad()
        for part in range(run.micro):
            loss = loss_of(balancer, model, mine.rows(slice(part * size, (part + 1) * size)), run.missing)
            torch.autograd.backward(loss / run.micro)
        optimizer.step()
    return flat(balancer)


def loss_of(balancer: Balancer, model: nn.Module, samples: Samples, missing: bool) -> Tensor:
    """The loss of one forward pass; `model` is the balancer or what wraps it."""
    if not missing:
        loss, _ = balancer.loss(model(**samples.inputs), samples.targets)
    else:
        output = model(present=samples.present, **samples.inputs)
        loss, _ = balancer.loss(output, samples.targets, present=samples.present)
    return loss


@contextmanager
def unlogged() -> Iterator[None]:
    """Within it balancers do not tell where k acts: each of many short runs would."""
    before = placement.log.level
    placement.log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        placement.log.setLevel(before)


def flat(module: nn.Module) -> Tensor:
    """All parameters, one after the other."""
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def apart(one: Tensor, other: Tensor) -> float:
    """Largest difference."""
    return float((one - other).abs().max())
