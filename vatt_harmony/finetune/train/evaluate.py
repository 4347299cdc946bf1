"""Evaluation of one split: what the network says, from all modalities, from each head, and with some taken away."""

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, reduce
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.balance.balancer import Balancer
from vatt_harmony.balance.evidence import Validation
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.collate import FinetuneBatch
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.dataset import FinetuneDataset
from vatt_harmony.finetune.monitor.removals import FUSED, outputs_without, worth
from vatt_harmony.finetune.splits import Splits
from vatt_harmony.finetune.train import metrics
from vatt_harmony.finetune.train.accelerator import autocast, partitions_weights
from vatt_harmony.finetune.train.loader import eval_batches
from vatt_harmony.finetune.train.meters import Figures
from vatt_harmony.finetune.train.result import Predictions
from vatt_harmony.finetune.unreadable import Unreadable

LARGEST_BATCH = 32
"""Forward passes of clips at a time, on each rank."""
Array = NDArray[Any]
Row = tuple[str, Array, dict[str, Array]]


class Evaluator:
    """Runs the balanced network over a split. All ranks call it alike and get the same."""

    def __init__(self, config: FinetuneConfig, balancer: Balancer, splits: Splits, accelerator: Accelerator) -> None:
        self._config, self._balancer, self._splits, self._accelerator = config, balancer, splits, accelerator
        self._modalities = config.data.modalities
        train, views = config.train, config.inputs.views.count
        self._batch = max(1, min(train.batch // train.accumulation, LARGEST_BATCH) // views)
        self.unreadable = {split: Unreadable(f"the {split} split") for split in ("val", "test")}
        self._validated: Figures = {}

    def predict(self, split: Literal["val", "test"]) -> Predictions:
        """Outputs for the items of a split, those with modalities removed included, in the order of the items."""
        dataset: FinetuneDataset = getattr(self._splits, split)
        place, ranks = self._accelerator.process_index, self._accelerator.num_processes
        in_step = partitions_weights(self._accelerator)
        self._agree_on_buffers()
        self._balancer.eval()
        # Whole batches are dealt out: which clips stand in for a permuted modality must not depend on the ranks.
        rows = _batches(len(dataset), self._batch, ranks if in_step else 1)[place::ranks]
        batches = eval_batches(dataset, rows, self._config.data.loader_workers, self.unreadable[split], in_step)
        mine = [row for each in batches for row in self._rows(each.to(self._accelerator.device))]
        every = mine if ranks == 1 else gather_object(mine)
        return _predictions(every, [item.key for item in dataset.items])

    def validate(self) -> Figures:
        """Figures of the validation split."""
        self._validated = self.figures(self.predict("val"))
        return self._validated

    def figures(self, predictions: Predictions) -> Figures:
        """`accuracy`, … of the fused output, `accuracy/MODALITY`, … of each head, and what each modality is worth."""
        kind, outputs, targets = self._config.task.kind, predictions.outputs, predictions.targets
        told = metrics.figures(kind, outputs[FUSED], targets)
        for name in filter(outputs.__contains__, self._modalities):
            there = ~np.isnan(outputs[name]).any(-1)  # a head is not asked about clips that lack its modality
            unknown = {"loss": math.nan, "accuracy": math.nan}
            found = metrics.figures(kind, outputs[name][there], targets[there]) if there.any() else unknown
            told |= {f"{figure}/{name}": value for figure, value in found.items()}
        return told | worth(outputs, self._modalities, lambda output: metrics.score(kind, output, targets))

    def for_rule(self, trained: Figures) -> Validation:
        """What the last validation gave, as a balancing rule reads it; `trained`: means of the epoch's training."""
        heads = [name for name in self._modalities if f"loss/{name}" in self._validated]
        of = {FUSED: ""} | {name: f"/{name}" for name in heads}
        return Validation(
            losses={name: self._validated[f"loss{place}"] for name, place in of.items()},
            accuracies={name: self._validated.get(f"accuracy{place}", math.nan) for name, place in of.items()},
            train_losses={FUSED: trained["fused_loss"]} | {name: trained[f"loss/{name}"] for name in heads},
        )

    @torch.no_grad()
    def _rows(self, batch: FinetuneBatch) -> Iterator[Row]:
        views, device = self._config.inputs.views.count, self._accelerator.device
        inputs = {name: value.flatten(0, 1) if views > 1 else value for name, value in batch.inputs.items()}
        present = {name: value.repeat_interleave(views) for name, value in batch.present.items()}
        with autocast(self._config.train, device), self._balancer.cached_features():
            output = self._balancer(present=present, **inputs)
            outputs = {FUSED: output.logits, **output.unimodal}
            outputs |= outputs_without(
                self._balancer, self._modalities, lambda: self._balancer(present=present, **inputs).logits
            )
        means = {name: _mean_of_views(value, views) for name, value in outputs.items()}
        for name in filter(means.__contains__, self._modalities):
            means[name][~batch.present[name].cpu().numpy()] = np.nan
        targets = batch.targets.cpu().numpy()
        for row, key in enumerate(batch.keys):
            yield key, targets[row], {name: value[row] for name, value in means.items()}

    def _agree_on_buffers(self) -> None:
        """Running means of batch norms differ between ranks; all evaluate with their mean."""
        if self._accelerator.num_processes > 1:
            for buffer in self._balancer.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(reduce(buffer, "mean"))


def _batches(items: int, size: int, multiple: int) -> list[list[int]]:
    """Consecutive items, in a multiple of batches as even as can be: no modality is permuted in a batch of one."""
    count = -(-max(1, items // size) // multiple) * multiple
    return [part.tolist() for part in np.array_split(np.arange(items), count)]


def _mean_of_views(values: Tensor, views: int) -> Array:
    return metrics.mean_of_views(values.float().cpu().numpy(), len(values) // views).astype(np.float32)


def _predictions(rows: list[Row], order: list[str]) -> Predictions:
    if not rows:
        raise UserError(
            "Nothing of a split could be read",
            "There is nothing to evaluate",
            "Look at the files that the messages above name, and at data.root",
        )
    place = {key: number for number, key in enumerate(order)}
    rows = sorted(rows, key=lambda row: place[row[0]])
    return Predictions(
        keys=tuple(key for key, _, _ in rows),
        targets=np.stack([target for _, target, _ in rows]),
        outputs={name: np.stack([outputs[name] for _, _, outputs in rows]) for name in rows[0][2]},
    )
