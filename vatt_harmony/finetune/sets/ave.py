"""AVE: 4,143 videos of 28 audio-visual events (Tian et al. 2018), 3,339 to train, 402 to validate, 402 to test.

Layout of `data.root`: `Annotations.txt`, `trainSet.txt`, `valSet.txt`, `testSet.txt` (lines
`Category&VideoID&Quality&StartTime&EndTime`), `AVE/VideoID.mp4`. A clip is the seconds of its event.
"""

from collections import Counter
from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import DataConfig
from vatt_harmony.finetune.items import Item, LabelledSet, MediaFile, Split, TaskKind
from vatt_harmony.finetune.sets.lists import check_fold, class_index, read_lines

LISTS: dict[Split, str] = {"test": "testSet.txt", "val": "valSet.txt", "train": "trainSet.txt"}
HEADER = "Category"


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """The official split; a video listed again is left out, wherever it would be trained on and tested on."""
    check_fold(data.fold, 1, "ave")
    root = Path(data.root)
    entries = {split: [_entry(line, root) for line in _lines(root / name)] for split, name in LISTS.items()}
    classes = class_index(_entry(line, root)[0] for line in _lines(root / "Annotations.txt"))
    seen: set[str] = set()
    skipped: Counter[str] = Counter()
    items: list[Item] = []
    for split, listed in entries.items():
        for category, video, start, end in listed:
            if video in seen:
                skipped["listed twice"] += 1
                continue
            seen.add(video)
            media = MediaFile(root / "AVE" / f"{video}.mp4", start, end)
            items.append(
                Item(key=video, target=classes[category], sources={"video": media, "audio": media}, split=split)
            )
    return LabelledSet(name="ave", classes=tuple(classes), items=tuple(items), skipped=skipped)


def _lines(path: Path) -> list[str]:
    return [line for line in read_lines(path, "AVE annotations") if not line.startswith(HEADER + "&")]


def _entry(line: str, root: Path) -> tuple[str, str, float, float]:
    parts = line.split("&")
    if len(parts) != 5:
        raise UserError(
            f"A list in {root} holds {line!r}", "It names no event", "Lines read Category&VideoID&Quality&Start&End"
        )
    return parts[0], parts[1], float(parts[3]), float(parts[4])
