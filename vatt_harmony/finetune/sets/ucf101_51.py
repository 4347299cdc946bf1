"""The 51 classes of UCF101 that have sound, with the official lists 1 to 3.

Layout of `data.root`: `UCF-101/CLASS/v_CLASS_g01_c01.avi`, `ucfTrainTestlist/trainlist01.txt` and `testlist01.txt`, 02,
03. The classes are those UCF101 added to UCF50, whose clips kept their sound (Soomro et al. 2012, table 1).
"""

from pathlib import Path

from vatt_harmony.finetune.config import DataConfig
from vatt_harmony.finetune.items import Item, LabelledSet, MediaFile, Split, TaskKind
from vatt_harmony.finetune.sets.lists import check_fold, hold_out, read_lines

CLASSES = (
    "ApplyEyeMakeup", "ApplyLipstick", "Archery", "BabyCrawling", "BalanceBeam", "BandMarching", "BasketballDunk",
    "BlowDryHair", "BlowingCandles", "BodyWeightSquats", "Bowling", "BoxingPunchingBag", "BoxingSpeedBag",
    "BrushingTeeth", "CliffDiving", "CricketBowling", "CricketShot", "CuttingInKitchen", "FieldHockeyPenalty",
    "FloorGymnastics", "FrisbeeCatch", "FrontCrawl", "Haircut", "Hammering", "HammerThrow", "HandstandPushups",
    "HandstandWalking", "HeadMassage", "IceDancing", "Knitting", "LongJump", "MoppingFloor", "ParallelBars",
    "PlayingCello", "PlayingDaf", "PlayingDhol", "PlayingFlute", "PlayingSitar", "Rafting", "ShavingBeard", "Shotput",
    "SkyDiving", "SoccerPenalty", "StillRings", "SumoWrestling", "Surfing", "TableTennisShot", "Typing", "UnevenBars",
    "WallPushups", "WritingOnBoard",
)  # fmt: skip


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """List `data.fold` + 1; `data.val` of the training groups (source videos) validate, as in the MLB experiments."""
    check_fold(data.fold, 3, "ucf101_51")
    root = Path(data.root)
    items: list[Item] = []
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        for line in read_lines(root / "ucfTrainTestlist" / f"{split}list0{data.fold + 1}.txt", "UCF101 list"):
            name = line.split()[0]
            folder, file = name.split("/")
            if folder in CLASSES:
                items.append(_item(root, folder, Path(file).stem, split))
    return LabelledSet(name=f"ucf101_51 list {data.fold + 1}", classes=CLASSES, items=tuple(hold_out(items, data.val)))


def _item(root: Path, folder: str, stem: str, split: Split) -> Item:
    media = MediaFile(root / "UCF-101" / folder / f"{stem}.avi")
    group = f"{folder}_{stem.split('_')[-2]}"  # v_CLASS_g01_c01: the group is one source video
    return Item(
        key=stem,
        target=CLASSES.index(folder),
        sources={"video": media, "audio": media},
        split=split,
        group=group,
    )
