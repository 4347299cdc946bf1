"""GRID: sentences of six words spoken to a camera; any word slot is the label.

Layout of `data.root`: `sentences.csv` with the columns path, id, sentence, command, colour, preposition, letter, digit,
adverb, speaker; for `data.word_seconds` also words_json, a list of [word, first second, last second].
Text, where it is used, is the sentence without the word that is asked for.
"""

import json
from collections import defaultdict
from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import DataConfig, Modality
from vatt_harmony.finetune.items import Item, LabelledSet, MediaFile, Source, TaskKind, Text
from vatt_harmony.finetune.sets.lists import check_fold, class_index, hold_out, read_rows
from vatt_harmony.randomness import keyed_int

SLOTS = ("command", "colour", "preposition", "letter", "digit", "adverb")
FOLDS = 5


def load(data: DataConfig, task: TaskKind) -> LabelledSet:
    """The word in slot `data.label` (letter, if none is named); five folds by clip, stratified by class."""
    check_fold(data.fold, FOLDS, "grid")
    slot = data.label or "letter"
    if slot not in SLOTS:
        raise UserError(f"data.label is {slot!r}", "GRID has no such word slot", f"Choose one of {', '.join(SLOTS)}")
    root = Path(data.root)
    times = ("words_json",) if data.word_seconds else ()
    rows = read_rows(root / "sentences.csv", "list of GRID", ("path", "id", "sentence", *SLOTS, "speaker", *times))
    classes = class_index(row[slot] for row in rows)
    folds = _folds([(row["id"], row[slot]) for row in rows])
    items = [
        Item(
            key=row["id"],
            target=classes[row[slot]],
            sources=_sources(_media(root, row, slot, data.word_seconds), row, slot),
            split="test" if folds[row["id"]] == data.fold else "train",
        )
        for row in rows
    ]
    speakers = sorted({row["speaker"] for row in rows})
    return LabelledSet(
        name=f"grid {slot} fold {data.fold}",
        classes=tuple(classes),
        items=tuple(hold_out(items, data.val)),
        notes=("Folds are by clip: the speakers of the test split are those of the training split "
               f"({', '.join(speakers)}).",),
    )  # fmt: skip


def _media(root: Path, row: dict[str, str], slot: str, seconds: float) -> MediaFile:
    """The clip, or `seconds` of it whose middle is the middle of the word."""
    file = root / row["path"]
    if not seconds:
        return MediaFile(file)
    _, first, last = json.loads(row["words_json"])[SLOTS.index(slot)]
    start = max((first + last - seconds) / 2, 0.0)
    return MediaFile(file, start, start + seconds)


def _sources(media: MediaFile, row: dict[str, str], slot: str) -> dict[Modality, Source]:
    rest = " ".join(word for name, word in zip(SLOTS, row["sentence"].split(), strict=True) if name != slot)
    return {"video": media, "audio": media, "text": Text(rest)}


def _folds(labelled: list[tuple[str, str]]) -> dict[str, int]:
    """Clip to fold: the clips of each class dealt out in the order of a hash, beginning where the last class ended."""
    by_class = defaultdict(list)
    for clip, label in labelled:
        by_class[label].append(clip)
    dealt = [
        clip
        for label in sorted(by_class)
        for clip in sorted(by_class[label], key=lambda clip: (keyed_int(0, "grid", clip), clip))
    ]
    return {clip: place % FOLDS for place, clip in enumerate(dealt)}
