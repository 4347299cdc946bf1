"""ESC-50: 2,000 environmental sounds of 5 s, 50 classes, five official folds (Piczak 2015).

Layout of `data.root` (karolpiczak/ESC-50): `meta/esc50.csv` and `audio/FILE.wav`.
"""

from pathlib import Path

from vatt_harmony.finetune.config import DataConfig
from vatt_harmony.finetune.items import Item, LabelledSet, MediaFile, TaskKind
from vatt_harmony.finetune.sets.lists import check_fold, hold_out, read_rows

COLUMNS = ("filename", "fold", "target", "category", "src_file")


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """Fold `data.fold` + 1 is tested; `data.val` of the recordings of each class in the other folds validate."""
    check_fold(data.fold, 5, "esc50")
    root = Path(data.root)
    rows = read_rows(root / "meta" / "esc50.csv", "list of ESC-50", COLUMNS)
    names = {int(row["target"]): row["category"] for row in rows}
    items = [
        Item(
            key=row["filename"],
            target=int(row["target"]),
            sources={"audio": MediaFile(root / "audio" / row["filename"])},
            split="test" if int(row["fold"]) == data.fold + 1 else "train",
            group=row["src_file"],
        )
        for row in rows
    ]
    classes = tuple(names[index] for index in sorted(names))
    return LabelledSet(name=f"esc50 fold {data.fold + 1}", classes=classes, items=tuple(hold_out(items, data.val)))
