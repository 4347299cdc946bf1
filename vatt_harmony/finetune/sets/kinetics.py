"""Kinetics-400, and Kinetics-Sounds, its 31 classes that are seen and heard.

Layout of `data.root` (the lists and archives of cvdfoundation/kinetics-dataset): `train.csv` and `val.csv` or
`validate.csv` with the columns label, youtube_id, time_start, time_end; clips `train/ID_000010_000020.mp4`, in folders
of their class (`train/playing_piano/ID_…`, blanks or underscores) or not. Part of the videos is gone from the net: what
is not there is counted.
"""

from collections.abc import Collection
from pathlib import Path

from vatt_harmony.finetune.config import DataConfig
from vatt_harmony.finetune.items import Item, LabelledSet, MediaFile, Split, TaskKind
from vatt_harmony.finetune.sets.lists import check_fold, class_index, hold_out, read_rows

COLUMNS = ("label", "youtube_id", "time_start", "time_end")
# Arandjelovic and Zisserman (2017) named 34 classes of an earlier Kinetics; these 31 are what the released Kinetics-400
# has of them, as the authors of AdaMML listed them (IBM/AdaMML, issue 3). Others count 32 (with strumming guitar).
SOUNDS = (
    "blowing nose", "blowing out candles", "bowling", "chopping wood", "dribbling basketball", "laughing",
    "mowing lawn", "playing accordion", "playing bagpipes", "playing bass guitar", "playing clarinet", "playing drums",
    "playing guitar", "playing harmonica", "playing keyboard", "playing organ", "playing piano", "playing saxophone",
    "playing trombone", "playing trumpet", "playing violin", "playing xylophone", "ripping paper", "shoveling snow",
    "shuffling cards", "singing", "stomping grapes", "tap dancing", "tapping guitar", "tapping pen", "tickling",
)  # fmt: skip


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """Training list to train (`data.val` of its videos validate), validation list to test, as published figures do."""
    return _load(data, "kinetics400", None)


def load_sounds(data: DataConfig, task: TaskKind) -> LabelledSet:
    """The 31 classes of Kinetics-Sounds out of the lists of Kinetics-400."""
    return _load(data, "kinetics_sounds", SOUNDS)


def _load(data: DataConfig, name: str, wanted: Collection[str] | None) -> LabelledSet:
    check_fold(data.fold, 1, name)
    root = Path(data.root)
    validation = "validate" if (root / "validate.csv").is_file() else "val"
    rows: dict[Split, list[dict[str, str]]] = {
        "train": read_rows(root / "train.csv", "Kinetics list", COLUMNS),
        "test": read_rows(root / f"{validation}.csv", "Kinetics list", COLUMNS),
    }
    folders = {"train": root / "train", "test": root / ("val" if (root / "val").is_dir() else "validate")}
    classes = class_index(wanted if wanted is not None else [row["label"] for row in rows["train"]])
    items = [
        _item(folders[split], row, classes[row["label"]], split)
        for split, listed in rows.items()
        for row in listed
        if row["label"] in classes
    ]
    return LabelledSet(name=name, classes=tuple(classes), items=tuple(hold_out(items, data.val)))


def _item(folder: Path, row: dict[str, str], target: int, split: Split) -> Item:
    name = f"{row['youtube_id']}_{int(row['time_start']):06d}_{int(row['time_end']):06d}"
    label = row["label"]
    places = [folder / part / f"{name}.mp4" for part in ("", label, label.replace(" ", "_"))]
    media = MediaFile(next((place for place in places if place.is_file()), places[0]))
    return Item(
        key=name,
        target=target,
        sources={"video": media, "audio": media},
        split=split,
        group=row["youtube_id"],
    )
