"""A small network of towers, its batches, and training within a balancer."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vatt_harmony.balance import Balancer, Classification, Rule

CLASSES = 4
WIDTHS = {"audio": 8, "video": 12, "text": 6}

Sample = tuple[dict[str, Tensor], Tensor]


class Towers(nn.Module):
    """One encoder a modality and a linear fusion of their features."""

    def __init__(self, modalities: Sequence[str] = ("audio", "video"), width: int = 5, classes: int = CLASSES) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(WIDTHS[name], 7), nn.Tanh(), nn.Linear(7, width)) for name in modalities}
        )
        self.fusion = nn.Linear(width * len(modalities), classes)

    def forward(self, **inputs: Tensor) -> Tensor:
        return self.fusion(torch.cat([encoder(inputs[name]) for name, encoder in self.encoders.items()], dim=1))


def batch(size: int = 12, seed: int = 0, modalities: Sequence[str] = ("audio", "video"), dtype: Any = None) -> Sample:
    """Inputs and labels, drawn from `seed`."""
    generator = torch.Generator().manual_seed(seed)
    inputs = {name: torch.randn(size, WIDTHS[name], generator=generator, dtype=dtype) for name in modalities}
    return inputs, torch.randint(0, CLASSES, (size,), generator=generator)


def balanced(
    rule: Rule,
    modalities: Sequence[str] = ("audio", "video"),
    dtype: Any = None,
    model: nn.Module | None = None,
    **options: Any,
) -> Balancer:
    """A balancer of `Towers`, the same in every call; acts at `grad` unless told otherwise."""
    torch.manual_seed(0)
    model = (Towers(modalities) if model is None else model).to(dtype or torch.float32)
    options = {"task": Classification(CLASSES), "point": "grad", "fusion": "fusion"} | options
    features = options.pop("features", {name: f"encoders.{name}" for name in modalities})
    return Balancer(model, features, rule=rule, example=batch(2, 0, modalities, dtype)[0], **options)


def gradients(balancer: Balancer, sample: Sample, **present: Tensor) -> dict[str, Tensor]:
    """Gradient of every parameter after one step on `sample`."""
    balancer.zero_grad()
    inputs, targets = sample
    loss, _ = balancer.loss(balancer(**inputs), targets, present or None)
    loss.backward()
    return {name: p.grad.clone() for name, p in balancer.named_parameters() if p.grad is not None}


def train(
    balancer: Balancer,
    make_optimizer: Callable[[Any], torch.optim.Optimizer],
    samples: Sequence[Sample],
    every: int = 1,
) -> dict[str, Tensor]:
    """Parameters after one micro-batch a sample, with an optimizer step after each `every`."""
    optimizer = make_optimizer(balancer.parameter_groups(lr=0.05))
    balancer.attach(optimizer)
    for index, (inputs, targets) in enumerate(samples):
        loss, _ = balancer.loss(balancer(**inputs), targets)
        (loss / every).backward()
        if (index + 1) % every == 0:
            optimizer.step()
            optimizer.zero_grad()
    return {name: parameter.detach().clone() for name, parameter in balancer.named_parameters()}


def farthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Largest difference of parameters, relative to the largest value."""
    assert one.keys() == other.keys()
    scale = max(float(value.abs().max()) for value in one.values())
    return max(float((one[name] - other[name]).abs().max()) for name in one) / scale
