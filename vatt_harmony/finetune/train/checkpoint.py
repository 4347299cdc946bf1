"""Checkpoints of a fine-tune: all that is needed to go on from a step as if nothing had happened."""

import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate import Accelerator
from torch import Tensor, nn

from vatt_harmony.config import to_mapping
from vatt_harmony.engine.files import write_json_atomically
from vatt_harmony.engine.launch import first_process
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.train.accelerator import partitions_weights
from vatt_harmony.finetune.train.result import numbers

FORMAT = 1
PROGRESS, BEST = "progress.json", "best.pt"
FREE = {
    "train.epochs", "train.max_steps", "train.patience", "train.eval_items", "data.root", "data.workers", "data.cache"
}  # fmt: skip
"""Fields that a resumed run may change."""


def write_checkpoint(run: Path, step: int, accelerator: Accelerator, progress: Mapping[str, Any]) -> None:
    """Write `checkpoints/step_00000120` of `run`, now the newest; the one before goes. All ranks must call it."""
    place = run / "checkpoints" / f"step_{step:08d}"
    unfinished = place.with_name(f".{place.name}.part")
    if accelerator.is_main_process:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(unfinished), safe_serialization=False)
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        write_json_atomically(unfinished / PROGRESS, {"format": FORMAT, "training": progress})
        shutil.rmtree(place, ignore_errors=True)
        unfinished.rename(place)
        _point(run, place.name)
        for old in place.parent.glob("step_*"):
            if old != place:
                shutil.rmtree(old)
    accelerator.wait_for_everyone()


def newest_checkpoint(run: Path) -> Path | None:
    """Folder of the newest checkpoint of `run`, None without one."""
    pointer = run / "checkpoints" / "latest"
    return pointer.parent / pointer.read_text().strip() if pointer.is_file() else None


def read_progress(checkpoint: Path) -> dict[str, Any]:
    """What `write_checkpoint` was given as progress; raises UserError for another format."""
    told: dict[str, Any] = json.loads((checkpoint / PROGRESS).read_text(encoding="utf-8"))
    if told["format"] != FORMAT:
        raise UserError(
            f"{checkpoint} has format {told['format']!r}; this version reads {FORMAT}",
            "Training could not go on from it as it was",
            "Give another --run folder",
        )
    progress: dict[str, Any] = numbers(told["training"])
    return progress


def claim(run: Path, config: FinetuneConfig) -> None:
    """Write `config.yaml` of a run on rank 0; every rank may call it, and none reads half of the file.

    Raises UserError where it cannot be written, or began with other options, those in `FREE` excepted.
    """
    path = run / "config.yaml"
    try:
        if path.is_file():
            _check_same(yaml.safe_load(path.read_text()), config)
        if first_process():
            run.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(path.name + ".part")
            unfinished.write_text(yaml.safe_dump(to_mapping(config), sort_keys=False))
            unfinished.replace(path)
    except OSError as error:
        raise UserError(f"{run} cannot be written: {error}", "Nothing was started", "Choose another --run") from error


def _check_same(then: Mapping[str, Any], config: FinetuneConfig) -> None:
    # Through YAML, which has no tuples.
    now, begun = flat(yaml.safe_load(yaml.safe_dump(to_mapping(config)))), flat(then)
    changed = sorted(name for name in (now.keys() | begun.keys()) - FREE if now.get(name) != begun.get(name))
    if changed:
        raise UserError(
            f"The run was begun with another {', '.join(changed)}",
            "Going on would mix two trainings",
            "Give another --run folder, or the options of its config.yaml",
        )


def flat(mapping: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Dotted names of a nested mapping's values."""
    found: dict[str, Any] = {}
    for name, value in mapping.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {before + name: value}
    return found


def whole(module: nn.Module, accelerator: Accelerator) -> AbstractContextManager[None]:
    """Within it rank 0 may read and write all parameters; under ZeRO-3 they are gathered. All ranks must enter it."""
    if not partitions_weights(accelerator):
        return nullcontext()
    import deepspeed

    gathered: AbstractContextManager[None] = deepspeed.zero.GatheredParameters(
        list(module.parameters()), modifier_rank=0
    )
    return gathered


class Best:
    """The weights of the epoch that validation likes best: in the run folder, or without one in memory."""

    def __init__(self, run: Path | None, module: nn.Module, accelerator: Accelerator) -> None:
        self._path = run / "checkpoints" / BEST if run else None
        self._module, self._accelerator = module, accelerator
        self._weights: dict[str, Any] = {}

    def keep(self) -> None:
        """Take the present weights and buffers. All ranks must call it."""
        with whole(self._module, self._accelerator):
            # Copies: DeepSpeed keeps parameters as views of one buffer, which would be written as a whole.
            weights = {name: _copy(value) for name, value in self._module.state_dict().items()}
            if self._path is None:
                self._weights = weights
            elif self._accelerator.is_main_process:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                unfinished = self._path.with_name(BEST + ".part")
                torch.save(weights, unfinished)
                unfinished.replace(self._path)
        self._accelerator.wait_for_everyone()

    def restore(self) -> None:
        """Put them back. All ranks must call it."""
        weights = self._weights
        if self._path is not None:
            weights = torch.load(self._path, weights_only=True, map_location="cpu")
        with whole(self._module, self._accelerator):
            self._module.load_state_dict(weights)


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _point(run: Path, name: str) -> None:
    pointer = run / "checkpoints" / "latest"
    unfinished = pointer.with_name("latest.part")
    unfinished.write_text(name + "\n")
    unfinished.replace(pointer)
