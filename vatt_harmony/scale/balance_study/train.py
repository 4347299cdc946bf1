"""One training run: a network, its optimiser and the balancer, for the same number of steps in every arm."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from vatt_harmony.balance.balancer import Balancer
from vatt_harmony.balance.features import Feature
from vatt_harmony.balance.rules import PRESETS, make_rule
from vatt_harmony.balance.task import Classification
from vatt_harmony.scale.balance_study.arms import Arm, Setting
from vatt_harmony.scale.balance_study.fold import Fold
from vatt_harmony.scale.balance_study.networks import WIDTH, JointNetwork, LoneNetworks
from vatt_harmony.scale.balance_study.task import MODALITIES
from vatt_harmony.scale.balance_study.validate import EpochLosses, validation

STEPS = 120
"""Of every run: 20 epochs of GRID, 8 of AV digits."""
OPTIMIZERS: Mapping[str, Callable[[Any], Optimizer]] = {
    "SGD": lambda groups: SGD(groups, momentum=0.9, fused=True),
    "AdamW": lambda groups: AdamW(groups, fused=True),
    "Adam": lambda groups: Adam(groups, eps=1e-7, fused=True),
}
"""Fused: with networks this small a loop over parameters costs as much as a layer."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a run leaves."""

    model: LoneNetworks | Balancer
    k: Sequence[Sequence[float]] = ()
    """Of every step, in the order of MODALITIES; empty where the arm has no coefficients."""

    @property
    def encoders(self) -> nn.ModuleDict:
        """Of each modality."""
        network = self.model.model if isinstance(self.model, Balancer) else self.model
        return network.encoders  # type: ignore[return-value]

    @torch.no_grad()
    def logits(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What it says: "fused", or each modality's own."""
        self.model.eval()
        return {"fused": self.model(**inputs).logits} if isinstance(self.model, Balancer) else self.model(inputs)

    @torch.no_grad()
    def only(self, modality: str, inputs: Mapping[str, Tensor]) -> Tensor:
        """Fused logits when the features of all others are 0."""
        assert isinstance(self.model, Balancer), "networks trained alone have no fused output"
        self.model.eval()
        with self.model.without(set(MODALITIES) - {modality}):
            logits: Tensor = self.model(**inputs).logits
        return logits


def train_alone(fold: Fold, arm: Arm, settings: Mapping[str, Setting], seed: int) -> Trained:
    """A network for each modality, with a setting of its own."""
    torch.manual_seed(seed)
    network = LoneNetworks(fold.task)
    parts = {m: nn.ModuleList([network.encoders[m], network.heads[m]]) for m in MODALITIES}
    optimizer = OPTIMIZERS[arm.optimizer](
        [
            {"params": parts[m].parameters(), "lr": settings[m].rate, "weight_decay": settings[m].decay}
            for m in MODALITIES
        ]
    )
    schedule = LambdaLR(optimizer, _cosine)
    for epoch in fold.epochs(seed, STEPS):
        for inputs, labels in epoch:
            losses = [F.cross_entropy(logits, labels) for logits in network(inputs).values()]
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return Trained(model=network)


def train_joint(fold: Fold, arm: Arm, setting: Setting, seed: int) -> Trained:
    """The network over both modalities, with the arm's rule."""
    torch.manual_seed(seed)
    network = JointNetwork(fold.task)
    balancer = _balancer(network, arm, setting)
    optimizer = OPTIMIZERS[arm.optimizer](balancer.parameter_groups(lr=setting.rate, weight_decay=setting.decay))
    balancer.attach(optimizer)
    schedule = LambdaLR(optimizer, _cosine)
    k, losses = [], EpochLosses()
    for epoch in fold.epochs(seed, STEPS):
        for inputs, labels in epoch:
            loss, report = balancer.loss(balancer(**inputs), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.add(report)
            if report.k is not None:
                k.append(report.k.tolist())
        means = losses.take()
        balancer.end_epoch(validation(balancer, fold, means) if balancer.rule.needs_validation else None)
    return Trained(model=balancer, k=k)


def _balancer(network: JointNetwork, arm: Arm, setting: Setting) -> Balancer:
    preset = PRESETS.get(arm.rule)
    options: Mapping[str, Any] = {"point": arm.point} if preset is None else preset.balancer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # grad under an adaptive optimiser is one of the questions
        return Balancer(
            network,
            {m: Feature(f"encoders.{m}", width=WIDTH) for m in MODALITIES},
            task=Classification(network.fusion.out_features),
            rule=make_rule(arm.rule, setting.options),
            fusion="fusion",
            **options,
        )


def _cosine(step: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * step / STEPS))
