"""Checkpoints of a training run: each is a model folder with what is needed to go on from it, bit for bit."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vatt_harmony.align.config import AlignConfig
from vatt_harmony.align.train.history import FIGURES, Epoch
from vatt_harmony.config import to_mapping
from vatt_harmony.errors import UserError

FORMAT = 1
FREE = {"train.epochs", "train.stop_after", "train.analysis", "train.validate_every"}
"""Fields that a resumed run may change."""
MODEL = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a training has come; its randomness follows from the seed and the number of epochs."""

    history: list[Epoch]
    """One entry a finished epoch."""
    moved: Mapping[str, Any]
    """State of the optimizers and schedules."""


def write_checkpoint(run: Path, save_models: Callable[[Path], None], progress: Progress, config: AlignConfig) -> None:
    """Write `checkpoints/epoch_0007` of `run` and make it the newest one; the one before goes. Rank 0 only.

    `save_models` writes weights and buffers into a folder.
    """

    def save(folder: Path) -> None:
        save_models(folder)
        torch.save(dict(progress.moved), folder / "optimizer.pt")
        state = {"format": FORMAT, "history": progress.history, "config": to_mapping(config)}
        (folder / "state.json").write_text(json.dumps(state, indent=1) + "\n")

    place = run / "checkpoints" / f"epoch_{len(progress.history):04d}"
    _replace(place, save)
    _point(run, place.name)
    for old in place.parent.glob("epoch_*"):
        if old != place:
            shutil.rmtree(old)


def write_best(run: Path, figure: str, save_models: Callable[[Path], None]) -> None:
    """Write `checkpoints/best_FIGURE` of `run`. Rank 0 only."""
    _replace(run / "checkpoints" / f"best_{figure}", save_models)


def newest_checkpoint(run: Path) -> Path | None:
    """Folder of the newest checkpoint of `run`, None without one."""
    pointer = run / "checkpoints" / "latest"
    return pointer.parent / pointer.read_text().strip() if pointer.is_file() else None


def read_progress(checkpoint: Path, config: AlignConfig) -> Progress:
    """Progress of a checkpoint; raises UserError as `check_same_run`."""
    moved = torch.load(checkpoint / "optimizer.pt", weights_only=True, map_location="cpu")
    return Progress(history=check_same_run(checkpoint, config), moved=moved)


def check_same_run(checkpoint: Path, config: AlignConfig) -> list[Epoch]:
    """The history of a checkpoint; raises UserError for another format, or a run that began with other options."""
    state = json.loads((checkpoint / "state.json").read_text())
    if state["format"] != FORMAT:
        raise UserError(
            f"{checkpoint} has format {state['format']!r}; this version reads {FORMAT}",
            "Training could not go on from it as it was",
            "Give another --run folder",
        )
    now, then = _flat(to_mapping(config)), _flat(state["config"])
    changed = sorted(name for name in now.keys() | then.keys() if name not in FREE and now.get(name) != then.get(name))
    if changed:
        raise UserError(
            f"The run was begun with another {', '.join(changed)}",
            "Going on would mix two trainings",
            "Give another --run folder, or the options of its config.yaml",
        )
    history: list[Epoch] = state["history"]
    return history


def model_folder(path: Path) -> Path:
    """The aligner of a run: the best one by the figure that it was selected by; a model's folder is its own.

    Raises UserError where there is none.
    """
    if (path / MODEL).is_file():
        return path
    newest = newest_checkpoint(path)
    if newest is not None:
        select = json.loads((newest / "state.json").read_text())["config"]["train"]["select"]
        best = newest.parent / f"best_{select}"
        return best if best.is_dir() else newest
    raise UserError(
        f"{path} holds no trained aligner",
        "There is nothing to align with",
        f"Give a run of align train, or a folder with {MODEL}, such as RUN/checkpoints/best_{FIGURES[0]}",
    )


def _replace(place: Path, save: Callable[[Path], None]) -> None:
    """Write a folder beside `place` and put it there when it is whole."""
    unfinished = place.with_name(f".{place.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    save(unfinished)
    if place.exists():
        shutil.rmtree(place)
    unfinished.rename(place)


def _point(run: Path, name: str) -> None:
    pointer = run / "checkpoints" / "latest"
    unfinished = pointer.with_name("latest.part")
    unfinished.write_text(name + "\n")
    unfinished.replace(pointer)


def _flat(mapping: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in mapping.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {before + name: value}
    return flat
