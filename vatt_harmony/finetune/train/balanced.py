"""The network of a configuration, inside the balancer that it names."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from vatt_harmony.balance.balancer import Balancer
from vatt_harmony.balance.rules import PRESETS, make_rule
from vatt_harmony.balance.task import Classification, MultiLabel, Regression, Task
from vatt_harmony.balance.window import Window
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.collate import collate
from vatt_harmony.finetune.config import BalanceConfig, FinetuneConfig, TaskConfig
from vatt_harmony.finetune.dataset import FinetuneDataset
from vatt_harmony.finetune.models.frontends import Sound
from vatt_harmony.finetune.models.model import build_model
from vatt_harmony.finetune.splits import Splits
from vatt_harmony.finetune.train.mixup import Blended
from vatt_harmony.randomness import keyed_int

MEASURED = 512
"""Training clips from which `normalise: set` takes mean and deviation."""


def balanced(config: FinetuneConfig, splits: Splits) -> Balancer:
    """A new network for the set, its balancer with heads; all its values follow from the seed.

    Sets torch's seed. Raises UserError for a rule that is not known, or that does not fit the network.
    """
    torch.manual_seed(keyed_int(config.seed, "network"))
    classes = splits.labelled.classes
    model = build_model(config, classes)
    _measure(model.encoders, splits.train)
    balance = config.balance
    return Balancer(
        model,
        model.feature_paths,
        task=task_of(config.task, len(classes)),
        rule=make_rule(balance.rule, balance.options),
        window=Window(start=balance.start, end=balance.end, ramp=balance.ramp, ema=balance.ema),
        accumulation=config.train.accumulation,
        fusion=model.fusion_linear,
        example=collate([splits.train[0]]).inputs,
        monitor_every=config.train.monitor_every,
        seed=config.seed,
        **_application(balance, model.fusion_linear is not None),
    )


def _application(config: BalanceConfig, linear: bool) -> dict[str, Any]:
    """How the balancer applies k: as the preset does, but where the configuration says otherwise."""
    told = dict(PRESETS[config.rule].balancer) if config.rule in PRESETS else {}
    if not linear:
        told.pop("scale_fusion_slice", None)  # other fusions have no slice of each modality
    return told if config.point == "auto" else told | {"point": config.point}


def task_of(config: TaskConfig, classes: int) -> Task:
    """What the balancer compares outputs with."""
    if config.kind == "regression":
        if config.mixup:
            raise UserError("task.mixup is set for a regression", "Nothing defines it", "Set task.mixup to 0")
        return Regression(classes)
    exclusive = config.kind == "classification"
    task: Task = Classification(classes, config.smoothing) if exclusive else MultiLabel(classes)
    return Blended(task, config.smoothing, exclusive) if config.mixup else task


def _measure(encoders: nn.ModuleDict, train: FinetuneDataset) -> None:
    """Mean and deviation of the sound of training clips, where a recipe asks for them."""
    for encoder in encoders.values():
        frontend = encoder.frontend
        if isinstance(frontend, Sound) and frontend.config.normalise == "set":
            frontend.measure(_sounds(train))


def _sounds(train: FinetuneDataset) -> Iterator[Tensor]:
    step = max(1, len(train) // MEASURED)
    for place in range(0, len(train), step):
        inputs = train[place].inputs
        if "audio" in inputs:
            yield inputs["audio"][None]
