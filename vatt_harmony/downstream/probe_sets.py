"""Labelled clips and the folds they are tested in, from a published set or from shards with labels."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from vatt_harmony.downstream.probe_metrics import Truth
from vatt_harmony.finetune.config import DataConfig, Modality
from vatt_harmony.finetune.items import Item, LabelledSet, Source, Split, TaskKind
from vatt_harmony.finetune.sets import load_set
from vatt_harmony.finetune.sets.lists import UnknownFold


@dataclass(frozen=True)
class ShardClip:
    """Sample `number` of a shard."""

    shard: Path
    number: int


Media = Source | ShardClip


@dataclass(frozen=True, kw_only=True)
class LabelledClip:
    """One clip that counts in some fold."""

    key: str
    """Unique in its set."""
    classes: tuple[int, ...]
    """Index of its class, or of several."""
    sources: Mapping[Modality, Media]
    """Modality -> where it lies."""


@dataclass(frozen=True, kw_only=True)
class ProbeSet:
    """A labelled set with all the folds that are to be measured."""

    name: str
    classes: tuple[str, ...]
    clips: tuple[LabelledClip, ...]
    folds: tuple[Mapping[str, Split], ...]
    """Key -> split, of each fold; a key that is absent has no part in it."""
    notes: tuple[str, ...] = ()
    skipped: Mapping[str, int]
    """Reason -> items of the official lists that cannot be used."""

    @cached_property
    def tested(self) -> frozenset[str]:
        """Keys of the clips that some fold tests."""
        return frozenset(key for fold in self.folds for key, split in fold.items() if split == "test")

    def truth(self, clips: tuple[LabelledClip, ...]) -> Truth:
        """bool [N, C]: the classes of `clips`."""
        table = np.zeros((len(clips), len(self.classes)), dtype=bool)
        for row, clip in enumerate(clips):
            table[row, list(clip.classes)] = True
        return table


def published_set(
    name: str,
    root: str,
    modalities: Sequence[Modality],
    *,
    label: str = "",
    folds: Sequence[int] | None = None,
    multilabel: bool = False,
) -> ProbeSet:
    """The set `name` of `finetune/sets` under `root`, with the given official folds, from 0, or all of them.

    Raises UserError as `load_set` does, and for a fold the set does not have.
    """
    data = DataConfig(set=name, root=root, modalities=tuple(modalities), label=label, missing="mask")
    task: TaskKind = "multilabel" if multilabel else "classification"

    def load(fold: int) -> LabelledSet:
        return load_set(replace(data, fold=fold), task)

    return joined(f"{name} {label}".strip(), _all_folds(load) if folds is None else [load(fold) for fold in folds])


def _all_folds(load: Callable[[int], LabelledSet]) -> list[LabelledSet]:
    found = [load(0)]
    with contextlib.suppress(UnknownFold):
        # A table that splits itself is the same for every fold.
        while (following := load(len(found))).items != found[0].items:
            found.append(following)
    return found


def joined(name: str, folds: Sequence[LabelledSet]) -> ProbeSet:
    """One set of the folds of a set with classes, each loaded by itself."""
    clips = {item.key: _clip(item) for fold in folds for item in fold.items}
    return ProbeSet(
        name=name,
        classes=folds[0].classes,
        clips=tuple(clips.values()),
        folds=tuple({item.key: item.split for item in fold.items} for fold in folds),
        notes=folds[0].notes,
        skipped=folds[0].skipped,
    )


def _clip(item: Item) -> LabelledClip:
    classes = item.target if isinstance(item.target, tuple) else (int(item.target),)
    return LabelledClip(key=item.key, classes=classes, sources=item.sources)
