"""Row 04.6: mistakes with a balancer and with a fine-tune, each of which one clear error must answer."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.balance import Balancer, Classification, Feature, MultiLabel, make_rule
from vatt_harmony.config import load_config, shipped_file
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.scale.balance_checks.toy import CLASSES, FEATURE, Samples, Toy, batches, make_toy
from vatt_harmony.scale.bench.suite import Options, Row, measured, measures

PATHS = {"audio": "encoders.audio", "video": "encoders.video"}
KNOWN = {name: Feature(path, width=FEATURE) for name, path in PATHS.items()}
RECIPE = "configs/finetune/laptop.yaml"


class Deaf(Toy):
    """Runs its encoder of sound and does not use what it gives."""

    def forward(self, present: dict[str, Tensor] | None = None, **inputs: Tensor) -> Tensor:
        self.encoders["audio"](inputs["audio"])
        logits: Tensor = self.fusion(self.encoders["video"](inputs["video"]).repeat(1, 2))
        return logits


class Blind(Toy):
    """Never runs its encoder of pictures."""

    def forward(self, present: dict[str, Tensor] | None = None, **inputs: Tensor) -> Tensor:
        logits: Tensor = self.fusion(self.encoders["audio"](inputs["audio"]).repeat(1, 2))
        return logits


def _samples() -> Samples:
    return next(batches(1, dtype=torch.float32))


def _balancer(model: Toy | None = None, features: Mapping[str, str | Feature] = PATHS, **changes: Any) -> Balancer:
    given: dict[str, Any] = {
        "task": Classification(CLASSES),
        "rule": make_rule("mlb", {}),
        "example": _samples().inputs,
        **changes,
    }
    return Balancer(model or make_toy(dtype=torch.float32), features, **given)


def _step(balancer: Balancer, targets: Tensor | None = None, **given: Any) -> None:
    samples = _samples()
    balancer.loss(balancer(**samples.inputs), samples.targets if targets is None else targets, **given)


def _every(name: str) -> dict[str, Tensor]:
    return {name: torch.ones(len(_samples().targets), dtype=torch.bool)}


def _finetune(*overrides: str) -> FinetuneConfig:
    return load_config(FinetuneConfig, shipped_file(RECIPE), overrides)


MISTAKES: dict[str, Callable[[], object]] = {
    "a modality whose module is not in the model": lambda: _balancer(features=PATHS | {"text": "encoders.text"}),
    "present names a modality that is not known": lambda: _step(_balancer(), present=_every("smell")),
    "without() names a modality that is not known": lambda: _balancer().without({"smell"}).__enter__(),
    "a feature that never reaches the fused loss": lambda: _step(_balancer(Deaf().float())),
    "an encoder that never runs": lambda: _step(_balancer(Blind().float(), features=KNOWN)),
    "a rule without its validation set (mslr)": lambda: _balancer(rule=make_rule("mslr", {})).end_epoch(),
    "a rule without its validation set (gblend)": lambda: _balancer(rule=make_rule("gblend", {})).end_epoch(),
    "a label above the range": lambda: _step(_balancer(), torch.full((16,), CLASSES)),
    "a label below the range": lambda: _step(_balancer(), torch.full((16,), -1)),
    "several labels that are not 0 or 1": lambda: _step(
        _balancer(task=MultiLabel(CLASSES)), torch.full((16, CLASSES), 2.0)
    ),
    "fewer targets than samples": lambda: _step(_balancer(), torch.zeros(3, dtype=torch.int64)),
    "no modality at all": lambda: _balancer(features={}),
    "a rule that does not exist": lambda: make_rule("mlbb", {}),
    "an option that a rule does not have": lambda: make_rule("mlb", {"gamma": 1.0}),
    "a rule of slices without a fusion": lambda: _balancer(rule=make_rule("ogm", {})),
    "a mask of the wrong length": lambda: _step(_balancer(), present={"audio": torch.ones(3, dtype=torch.bool)}),
    "a recipe with a modality that does not exist": lambda: _finetune("--data.modalities", "[video, smell]"),
    "a recipe without the encoder of a modality": lambda: _finetune("--data.modalities", "[video, audio, text]"),
    "a recipe with a misspelt field": lambda: _finetune("--train.epoch", "3"),
}


def answered(mistake: Callable[[], object]) -> bool:
    """Whether it ends in a `UserError` that says what, with which consequence, and what to do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mistake()
    except UserError as error:
        return all(len(part) > 10 for part in (error.what, error.consequence, error.fix))
    except Exception:  # a traceback is what users must never see
        return False
    return False


MEASURES = measures("04.6", ("mistakes not answered by one clear error", "== 0", ""))


def run(options: Options) -> list[Figure]:
    """All of them."""
    unanswered = [name for name, mistake in MISTAKES.items() if not answered(mistake)]
    return [replace(figure, n=len(MISTAKES)) for figure in measured(MEASURES, len(unanswered))]


ROW = Row(id="04.6", title="mistakes with a balancer and a fine-tune", takes="5 seconds", measures=MEASURES, run=run)
