"""What adapters share: reading official lists, and holding out groups for validation."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.items import Item
from vatt_harmony.randomness import keyed_int


def read_lines(path: Path, what: str) -> list[str]:
    """Lines of an official list that are not empty; raises UserError where there is no such file."""
    if not path.is_file():
        raise UserError(
            f"There is no {path} ({what})",
            "The official split cannot be read",
            "Point data.root at the folder with the layout of docs/finetuning-data.md",
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8 text: {error}", "Its names would be misread", "Save it as UTF-8"
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_rows(path: Path, what: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file by column; raises UserError where the file or a column is missing."""
    rows = list(csv.DictReader(read_lines(path, what)))
    missing = [column for column in columns if not rows or column not in rows[0]]
    if missing:
        raise UserError(
            f"{path} has no column {missing[0]!r}" if rows else f"{path} has no rows",
            f"It cannot be read as {what}",
            f"It needs the columns {', '.join(columns)}"
            + (f"; it has {', '.join(map(repr, rows[0]))}" if rows else ""),
        )
    return rows


def class_index(names: Iterable[str]) -> dict[str, int]:
    """Each name, sorted, to its class index."""
    return {name: index for index, name in enumerate(sorted(set(names)))}


class UnknownFold(UserError):
    """A fold the set does not have."""


def check_fold(fold: int, folds: int, name: str) -> None:
    """Raises UnknownFold for a fold the set does not have."""
    if fold >= folds:
        raise UnknownFold(f"data.fold is {fold}", f"{name} has folds 0 to {folds - 1}", "Choose one of them")


def hold_out(items: Sequence[Item], share: float) -> list[Item]:
    """The items, `share` of the training groups (rounded, at least one) moved to validation.

    Where every group is of one class, as source videos are, the share is taken of each class with two groups or more,
    and otherwise of all groups, as of speakers, or where targets are numbers or several classes. Which ones depends on
    their names alone: not on order, seed or what else is there.
    """
    classes: Mapping[str, set[object]] = defaultdict(set)
    for item in items:
        if item.split == "train":
            classes[item.group or item.key].add(item.target)
    pure = all(len(targets) == 1 and isinstance(next(iter(targets)), int) for targets in classes.values())
    strata: Mapping[object, list[str]] = defaultdict(list)
    for group, targets in classes.items():
        strata[next(iter(targets)) if pure else None].append(group)
    held: set[str] = set()
    for groups in strata.values():
        ordered = sorted(groups, key=lambda group: (keyed_int(0, "validation", group), group))
        held.update(ordered[: max(round(share * len(groups)), 1)] if len(groups) > 1 else ())
    return [
        replace(item, split="val") if item.split == "train" and (item.group or item.key) in held else item
        for item in items
    ]
