"""Your own CSV file: one row a clip, with its files, its label, and how it is split.

Columns: `path` (a file with picture and sound), or any of `video`, `audio`, `text`, `frames` (a folder of pictures)
and `features` (a .npy file [T, D], read as the video modality); `label` (or the column `data.label` names): a class,
several joined by `|`, or a number; optional `split` (train, val, test), `fold`, `group`, `key`, `start` and `end`
(seconds). Paths are relative to the CSV file. Rows of one file are one group, where no other is given.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import DataConfig, Modality
from vatt_harmony.finetune.items import (
    FeatureFile,
    FrameFolder,
    Item,
    LabelledSet,
    MediaFile,
    Source,
    Split,
    Target,
    TaskKind,
    Text,
)
from vatt_harmony.finetune.sets.lists import check_fold, class_index, hold_out, read_rows

MEDIA = ("path", "video", "audio", "frames", "features", "text")
OTHERS = ("split", "fold", "group", "key", "start", "end")
SPLITS: Mapping[str, Split] = {"train": "train", "val": "val", "test": "test"}
TEST_SHARE = 0.2
"""Of the groups, where the file names neither split nor fold."""

Row = Mapping[str, str]


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """Rows by their `split`, or by `fold`, or a fifth of the groups to test; `data.val` of the rest to validate."""
    path, label = Path(data.root), data.label or "label"
    rows = read_rows(path, "table of clips", [label])
    if not any(column in rows[0] for column in MEDIA):
        raise UserError(
            f"{path} has none of the columns {', '.join(MEDIA)}", "There is nothing to read", "Name the files"
        )
    texts = [_label(row[label], task, path, number) for number, row in enumerate(rows, start=2)]
    names = [name.strip() for text in texts for name in _labels(text, task)]
    classes = {label: 0} if task == "regression" else class_index(names)
    items = [_item(path, number, row, _target(text, task, classes, path, number))
             for number, (row, text) in enumerate(zip(rows, texts, strict=True), start=2)]  # fmt: skip
    items = _split(items, rows, data)
    if not any(item.split == "val" for item in items):
        items = hold_out(items, data.val)
    if len({item.group or item.key for item in items}) < 3 and "split" not in rows[0]:
        raise UserError(
            f"The rows of {path} are of fewer than three groups (files, where the column group names no others)",
            "Nothing can be held out to validate and to test",
            "Add rows of other files, or a column split (train, val, test)",
        )
    notes = [*_unused(rows[0], label), *(_doubtful(items, tuple(classes)) if task == "classification" else ())]
    return LabelledSet(name=path.stem, classes=tuple(classes), items=tuple(items), task=task, notes=tuple(notes))


def _label(text: str | None, task: TaskKind, path: Path, number: int) -> str:
    """A row's label; only a row of a multi-label set may have none."""
    told = (text or "").strip()
    if not told and task == "classification":
        raise UserError(f"{path}, line {number} has no label", "It would be a class without a name", "Mend the row")
    return told


def _unused(row: Row, label: str) -> list[str]:
    unused = [str(column) for column in row if column not in (*MEDIA, *OTHERS, label)]
    return [f"columns that are not used: {', '.join(unused)}"] if unused else []


def _doubtful(items: Sequence[Item], classes: Sequence[str]) -> list[str]:
    """Classes that are one word in two spellings, and those that are not trained or not tested."""
    spellings: Mapping[str, list[str]] = defaultdict(list)
    for name in classes:
        spellings[name.casefold()].append(name)
    told = [f"classes that differ in capitals alone: {', '.join(same)}" for same in spellings.values() if len(same) > 1]
    for split, verb in (("train", "trained on"), ("test", "tested")):
        there = {item.target for item in items if item.split == split}
        absent = [name for place, name in enumerate(classes) if place not in there]
        told += [f"classes of which no clip is {verb}: {', '.join(absent)}"] if absent else []
    return told


def _labels(text: str, task: TaskKind) -> list[str]:
    if task == "regression":
        return []
    return [part for part in text.split("|") if part.strip()] if task == "multilabel" else [text]


def _target(text: str, task: TaskKind, classes: Mapping[str, int], path: Path, number: int) -> Target:
    """The label as the task needs it; `number` is the row's line in the file."""
    if task == "multilabel":
        return tuple(classes[name.strip()] for name in _labels(text, task))
    if task == "classification":
        return classes[text.strip()]
    return _number(text, path, number)


def _number(text: str, path: Path, number: int) -> float:
    """Raises UserError where the text is none, or not finite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{path}, line {number}: {text!r} is no number", "The row cannot be used", "Mend the row")
    return value


def _item(path: Path, number: int, row: Row, target: Target) -> Item:
    file = next((row[name] for name in MEDIA if row.get(name)), "")
    return Item(
        key=f"{row.get('key') or file}@{number}",
        target=target,
        sources=_sources(path, number, row),
        split="train",
        group=row.get("group") or file,  # two pieces of one file must not be in two splits
    )


def _sources(path: Path, number: int, row: Row) -> dict[Modality, Source]:
    folder = path.parent
    start, end = (_number(row[name], path, number) if row.get(name) else None for name in ("start", "end"))
    start = start or 0.0
    sources: dict[Modality, Source] = {}
    if row.get("path"):
        sources["video"] = sources["audio"] = MediaFile(folder / row["path"], start, end)
    if row.get("video"):
        sources["video"] = MediaFile(folder / row["video"], start, end)
    if row.get("audio"):
        sources["audio"] = MediaFile(folder / row["audio"], start, end)
    if row.get("frames"):
        sources["video"] = FrameFolder(folder / row["frames"])
    if row.get("features"):
        sources["video"] = FeatureFile(folder / row["features"])
    if row.get("text"):
        sources["text"] = Text(row["text"])
    return sources


def _split(items: list[Item], rows: list[dict[str, str]], data: DataConfig) -> list[Item]:
    if "split" in rows[0]:
        return [replace(item, split=_named(row["split"])) for item, row in zip(items, rows, strict=True)]
    if "fold" in rows[0]:
        folds = sorted({row["fold"] for row in rows})
        check_fold(data.fold, len(folds), data.root)
        return [
            replace(item, split="test") if row["fold"] == folds[data.fold] else item
            for item, row in zip(items, rows, strict=True)
        ]
    held = hold_out(items, TEST_SHARE)
    return [replace(item, split="test") if item.split == "val" else item for item in held]


def _named(text: str | None) -> Split:
    name = (text or "").strip().lower()
    if name not in SPLITS:
        raise UserError(
            f"The table's column split holds {text or ''!r}",
            "It is unknown whether that row is trained on or tested on",
            f"Write {', '.join(SPLITS)}",
        )
    return SPLITS[name]
