"""Spoken digits beside handwritten ones, paired by label (the AV-MNIST construction): the picture leads.

Layout of `data.root`: `images-idx3-ubyte.gz` and `pairs.csv` with the columns image_index, wav, label, text, speaker.
"""

from collections import Counter
from pathlib import Path

from vatt_harmony.finetune.config import DataConfig
from vatt_harmony.finetune.items import IdxImage, Item, LabelledSet, MediaFile, Split, TaskKind
from vatt_harmony.finetune.sets.lists import check_fold, read_rows

COLUMNS = ("image_index", "wav", "label", "speaker")
IMAGES = "images-idx3-ubyte.gz"


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """Speaker `data.fold` is tested and the next one validates; no picture is in two splits.

    Pairs whose picture another split needs more (test before validation before training) are left out and counted.
    """
    root = Path(data.root)
    rows = read_rows(root / "pairs.csv", "list of digits", COLUMNS)
    speakers = sorted({row["speaker"] for row in rows})
    check_fold(data.fold, len(speakers), "av_digits")
    tested, validating = speakers[data.fold], speakers[(data.fold + 1) % len(speakers)]
    split_of: dict[str, Split] = dict.fromkeys(speakers, "train")
    split_of.update({validating: "val", tested: "test"})
    items = [_item(root, row, split_of[row["speaker"]]) for row in rows]
    kept, skipped = _disjoint(items)
    return LabelledSet(
        name=f"av_digits speaker {tested}",
        classes=tuple(str(digit) for digit in range(10)),
        items=tuple(kept),
        notes=("Pairs are by label, not of one event.",),
        skipped=skipped,
    )


def _item(root: Path, row: dict[str, str], split: Split) -> Item:
    wav = Path(row["wav"])
    return Item(
        key=f"{wav.stem}+{row['image_index']}",
        target=int(row["label"]),
        sources={"video": IdxImage(root / IMAGES, int(row["image_index"])), "audio": MediaFile(root / wav)},
        split=split,
        group=row["image_index"],
    )


def _disjoint(items: list[Item]) -> tuple[list[Item], Counter[str]]:
    order: tuple[Split, ...] = ("test", "val", "train")
    owner: dict[str, Split] = {}
    for split in order:
        for item in items:
            if item.split == split:
                owner.setdefault(item.group, split)
    kept = [item for item in items if owner[item.group] == item.split]
    taken = Counter(f"picture is in the {owner[i.group]} split" for i in items if owner[i.group] != i.split)
    return kept, taken
