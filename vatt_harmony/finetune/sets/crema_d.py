"""CREMA-D: six emotions acted by 91 speakers, with the speaker-independent folds of the MLB experiments.

Layout of `data.root` (CheyneyComputerScience/CREMA-D): `AudioWAV/NAME.wav` and `VideoFlash/NAME.flv`, or one picture a
second in `Image-01-FPS/NAME/`; the folds are in `data_splits_VALV.pkl` of kkontras/MLB (JSON, despite its name).
"""

import json
from collections.abc import Iterable
from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import DataConfig
from vatt_harmony.finetune.items import FrameFolder, Item, LabelledSet, MediaFile, Split, TaskKind
from vatt_harmony.finetune.sets.lists import check_fold, hold_out, read_lines
from vatt_harmony.randomness import keyed_int

EMOTIONS = ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG")
FOLDS = 5
LIST = "data_splits_VALV.pkl"
TEST_SPEAKERS = 14
"""Of 91 speakers; as many validate."""


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """The MLB protocol: fold `data.fold` of the published lists, or folds by speaker where they are not there."""
    check_fold(data.fold, FOLDS, "crema_d")
    root = Path(data.root)
    published = (root / LIST).is_file()
    items = _published(root, data.fold) if published else _by_speaker(root, data.fold)
    notes = ["Not comparable with crema_d_ogm: other clips, other splits."]
    if not published:
        notes.append(
            f"{LIST} of kkontras/MLB is not in data.root: folds by speaker of all clips (63/14/14 speakers), neither "
            "the published folds nor their selection of 5,820 clips."
        )
    return LabelledSet(name=f"crema_d fold {data.fold}", classes=EMOTIONS, items=tuple(items), notes=tuple(notes))


def load_ogm(data: DataConfig, task: TaskKind) -> LabelledSet:
    """The OGM protocol: `train.csv` and `test.csv` of GeWu-Lab/OGM-GE_CVPR2022, 6,698 and 744 clips."""
    check_fold(data.fold, 1, "crema_d_ogm")
    root = Path(data.root)
    splits: tuple[Split, ...] = ("train", "test")
    items = [
        _item(root, line.split(",")[0], split)
        for split in splits
        for line in read_lines(root / f"{split}.csv", "list of NAME,EMOTION")
    ]
    # Groups are clips here: the protocol is not speaker-independent, and neither is its validation part.
    held = hold_out([_ungrouped(item) for item in items], data.val)
    return LabelledSet(
        name="crema_d_ogm",
        classes=EMOTIONS,
        items=tuple(held),
        notes=(
            "The OGM protocol: speakers of the test split are in the training split too. Never compare its figures "
            "with those of crema_d (the MLB protocol).",
        ),
    )


def _published(root: Path, fold: int) -> list[Item]:
    lists = json.loads((root / LIST).read_text())[str(fold + 1)]
    splits: tuple[Split, ...] = ("train", "val", "test")
    # Entries read `1026_IEO_ANG_HI.wav-3`; the number is not used, the emotion is in the name.
    return [_item(root, entry.split(".")[0], split) for split in splits for entry in lists[split]]


def _by_speaker(root: Path, fold: int) -> list[Item]:
    names = sorted(path.stem for path in (root / "AudioWAV").glob("*.wav"))
    if not names:
        raise UserError(
            f"{root / 'AudioWAV'} holds no wav file",
            "There are no clips to split",
            "Point data.root at a copy of CREMA-D",
        )
    speakers = _shuffled({name.split("_")[0] for name in names})
    first = fold * len(speakers) // FOLDS
    around = speakers[first:] + speakers[:first]
    count = max(round(len(speakers) * TEST_SPEAKERS / 91), 1)
    split_of: dict[str, Split] = dict.fromkeys(around, "train")
    split_of.update(dict.fromkeys(around[:count], "test"))
    split_of.update(dict.fromkeys(around[count : 2 * count], "val"))
    return [_item(root, name, split_of[name.split("_")[0]]) for name in names]


def _shuffled(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (keyed_int(0, "crema_d", name), name))


def _item(root: Path, name: str, split: Split) -> Item:
    parts = name.split("_")
    if len(parts) < 4 or parts[2] not in EMOTIONS:
        raise UserError(
            f"{name!r} is no name of a CREMA-D clip", "Its emotion is unknown", "Names read 1001_DFA_ANG_XX"
        )
    frames = root / "Image-01-FPS" / name
    return Item(
        key=name,
        target=EMOTIONS.index(parts[2]),
        sources={
            "audio": MediaFile(root / "AudioWAV" / f"{name}.wav"),
            "video": FrameFolder(frames) if frames.is_dir() else MediaFile(root / "VideoFlash" / f"{name}.flv"),
        },
        split=split,
        group=parts[0],
    )


def _ungrouped(item: Item) -> Item:
    return Item(key=item.key, target=item.target, sources=item.sources, split=item.split)
