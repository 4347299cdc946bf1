"""Labelled data sets: one adapter a set, each reading the official layout and split lists from `data.root`."""

import difflib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import DataConfig, Modality
from vatt_harmony.finetune.items import FeatureFile, Item, LabelledSet, Source, TaskKind, Text
from vatt_harmony.finetune.sets import (
    av_digits,
    ave,
    crema_d,
    esc10,
    esc50,
    grid,
    hmdb51,
    kinetics,
    table,
    ucf101_51,
)

SETS: Mapping[str, Callable[[DataConfig, TaskKind], LabelledSet]] = {
    "crema_d": crema_d.load,
    "crema_d_ogm": crema_d.load_ogm,
    "ave": ave.load,
    "ucf101_51": ucf101_51.load,
    "kinetics_sounds": kinetics.load_sounds,
    "kinetics400": kinetics.load,
    "hmdb51": hmdb51.load,
    "esc50": esc50.load,
    "esc10": esc10.load,
    "grid": grid.load,
    "av_digits": av_digits.load,
    "table": table.load,
}


def load_set(data: DataConfig, task: TaskKind = "classification") -> LabelledSet:
    """The set `data` names, with the modalities it asks for; clips that are not on the disk are counted in `skipped`.

    Raises UserError for an unknown set, a missing root, lists that cannot be read, a modality the set does not have, a
    task it is not made for, and an empty split.
    """
    if data.set not in SETS:
        near = difflib.get_close_matches(data.set, SETS, n=1)
        raise UserError(
            f"data.set is {data.set!r}",
            "There is no adapter of that name",
            f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(SETS)}",
        )
    if not Path(data.root).exists():
        raise UserError(f"data.root {data.root} does not exist", "Nothing can be read", "Give the place of the set")
    labelled = SETS[data.set](data, task)
    if labelled.task != task:
        raise UserError(
            f"task.kind is {task}", f"{labelled.name} is a set for {labelled.task}", f"Set task.kind to {labelled.task}"
        )
    return _usable(labelled, data)


def _usable(labelled: LabelledSet, data: DataConfig) -> LabelledSet:
    """Only the modalities asked for, and only items whose files are there."""
    items = [replace(item, sources=_wanted(item, data)) for item in labelled.items]
    for modality in data.modalities:
        if not any(modality in item.sources for item in items):
            raise UserError(
                f"{labelled.name} has no {modality}",
                "A network for it would learn nothing",
                "Take it out of data.modalities",
            )
    skipped, kept, notes = Counter(labelled.skipped), [], list(labelled.notes)
    for item in items:
        missing = [modality for modality in data.modalities if not _there(item.sources.get(modality))]
        sources = {name: source for name, source in item.sources.items() if name not in missing}
        if missing and (data.missing == "drop" or not sources):
            reason = f"no {missing[0]} file"
            skipped[reason] += 1
            if skipped[reason] == 1:
                notes.append(f"{reason} for {item.key}; more of this kind are counted")
        else:
            kept.append(replace(item, sources=sources))
    return replace(labelled, items=tuple(kept), skipped=skipped, notes=tuple(notes))


def _wanted(item: Item, data: DataConfig) -> dict[Modality, Source]:
    sources = {name: source for name, source in item.sources.items() if name in data.modalities}
    if data.features:
        sources["video"] = FeatureFile(Path(data.root) / data.features / f"{item.key}.npy")
    return sources


def _there(source: Source | None) -> bool:
    return source is not None and (isinstance(source, Text) or source.path.exists())
