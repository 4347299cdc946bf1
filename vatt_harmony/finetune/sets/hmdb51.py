"""HMDB51: 51 actions without sound, the three official splits of 70 training and 30 test clips a class.

Layout of `data.root`: `videos/CLASS/NAME.avi` (or the class folders directly in it) and
`testTrainMulti_7030_splits/CLASS_test_split1.txt` with lines `NAME.avi 1` (1 train, 2 test, 0 unused).
"""

from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import DataConfig
from vatt_harmony.finetune.items import Item, LabelledSet, MediaFile, Split, TaskKind
from vatt_harmony.finetune.sets.lists import check_fold, class_index, hold_out, read_lines

FOLDER = "testTrainMulti_7030_splits"
SPLITS: dict[str, Split] = {"1": "train", "2": "test"}


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """Split `data.fold` + 1; `data.val` of the source films of each class validate."""
    check_fold(data.fold, 3, "hmdb51")
    root, ending = Path(data.root), f"_test_split{data.fold + 1}.txt"
    lists = sorted((root / FOLDER).glob(f"*{ending}"))
    if not lists:
        raise UserError(
            f"{root / FOLDER} holds no *{ending}",
            "The official split cannot be read",
            "Unpack test_train_splits.rar of HMDB51 there",
        )
    videos = root / "videos" if (root / "videos").is_dir() else root
    classes = class_index(path.name.removesuffix(ending) for path in lists)
    items: list[Item] = []
    for path in lists:
        name = path.name.removesuffix(ending)
        for line in read_lines(path, "HMDB51 split"):
            file, use = line.rsplit(maxsplit=1)
            if use in SPLITS:
                items.append(_item(videos / name / file, name, classes[name], SPLITS[use]))
    return LabelledSet(
        name=f"hmdb51 split {data.fold + 1}", classes=tuple(classes), items=tuple(hold_out(items, data.val))
    )


def _item(path: Path, name: str, target: int, split: Split) -> Item:
    # FILM_CLASS_u_cm_np1_fr_goo_1.avi: clips of one film are cut from the same scenes.
    film = f"{name}/{path.stem.split(f'_{name}_')[0]}"
    return Item(key=f"{name}/{path.stem}", target=target, sources={"video": MediaFile(path)}, split=split, group=film)
