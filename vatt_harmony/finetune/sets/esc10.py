"""ESC-10 as a table: environmental sounds of ten classes with folds by recording.

Layout of `data.root`: `labels.csv` with the columns path, class_id, caption, fold, freesound_id.
"""

from pathlib import Path

from vatt_harmony.finetune.config import DataConfig
from vatt_harmony.finetune.items import Item, LabelledSet, MediaFile, TaskKind
from vatt_harmony.finetune.sets.lists import check_fold, hold_out, read_rows

COLUMNS = ("path", "class_id", "caption", "fold", "freesound_id")


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """Fold `data.fold` + 1 is tested; `data.val` of the recordings of each class in the other folds validate."""
    root = Path(data.root)
    rows = read_rows(root / "labels.csv", "list of ESC-10", COLUMNS)
    folds = sorted({int(row["fold"]) for row in rows})
    check_fold(data.fold, len(folds), "esc10")
    names = {int(row["class_id"]): row["caption"] for row in rows}
    items = [
        Item(
            key=Path(row["path"]).stem,
            target=int(row["class_id"]),
            sources={"audio": MediaFile(root / row["path"])},
            split="test" if int(row["fold"]) == folds[data.fold] else "train",
            group=row["freesound_id"],
        )
        for row in rows
    ]
    classes = tuple(names[index] for index in sorted(names))
    return LabelledSet(name=f"esc10 fold {folds[data.fold]}", classes=classes, items=tuple(hold_out(items, data.val)))
