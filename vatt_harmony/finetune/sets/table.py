"""Your own CSV file: one row a clip, with its files, its label, and how it is split.

Columns: `path` (a file with picture and sound), or any of `video`, `audio`, `text`, `frames` (a folder of pictures)
and `features` (a .npy file [T, D], read as the video modality); `label` (or the column `data.label` names): a class,
several joined by `|`, or a number; optional `split` (train, val, test), `fold`, `group`, `key`, `start` and `end`
(seconds). Paths are relative to the CSV file.
"""

from collections.abc import Mapping
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

MEDIA = ("path", "video", "audio", "text", "frames", "features")
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
    names = [name.strip() for row in rows for name in _labels(row[label], task)]
    classes = {label: 0} if task == "regression" else class_index(names)
    items = [_item(path.parent, number, row, _target(row[label], task, classes, path, number))
             for number, row in enumerate(rows, start=2)]  # fmt: skip
    items = _split(items, rows, data)
    if not any(item.split == "val" for item in items):
        items = hold_out(items, data.val)
    return LabelledSet(name=path.stem, classes=tuple(classes), items=tuple(items), task=task)


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
    try:
        return float(text)
    except ValueError as error:
        raise UserError(
            f"{path}, line {number}: {text!r} is no number", "A regression cannot learn it", "Mend the row"
        ) from error


def _item(folder: Path, number: int, row: Row, target: Target) -> Item:
    sources = _sources(folder, row)
    key = row.get("key") or next((row[name] for name in MEDIA if row.get(name)), "")
    return Item(key=f"{key}@{number}", target=target, sources=sources, split="train", group=row.get("group") or "")


def _sources(folder: Path, row: Row) -> dict[Modality, Source]:
    start, end = float(row.get("start") or 0), float(row["end"]) if row.get("end") else None
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


def _named(text: str) -> Split:
    if text not in SPLITS:
        raise UserError(
            f"The table's column split holds {text!r}",
            "It is unknown whether that row is trained on or tested on",
            f"Write {', '.join(SPLITS)}",
        )
    return SPLITS[text]
