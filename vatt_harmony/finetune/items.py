"""Labelled items: what a data set's adapter hands to the reader, whatever its layout on disk."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import Modality

Split = Literal["train", "val", "test"]
TaskKind = Literal["classification", "multilabel", "regression"]
Target = int | tuple[int, ...] | float


@dataclass(frozen=True)
class MediaFile:
    """Picture or sound inside a media file."""

    path: Path
    start: float = 0.0
    """First second that counts."""
    end: float | None = None
    """Second at which it ends; None is the end of the file."""


@dataclass(frozen=True)
class FrameFolder:
    """Pictures of one clip in a folder, in the order of their names, at `fps` frames per second."""

    path: Path
    fps: float = 1.0


@dataclass(frozen=True)
class IdxImage:
    """Picture `index` of an idx file (the MNIST format), gzipped or not."""

    path: Path
    index: int


@dataclass(frozen=True)
class FeatureFile:
    """Vectors `[T, D]` in a `.npy` file."""

    path: Path


@dataclass(frozen=True)
class Text:
    """A sentence."""

    text: str


Source = MediaFile | FrameFolder | IdxImage | FeatureFile | Text


@dataclass(frozen=True, kw_only=True)
class Item:
    """One labelled clip."""

    key: str
    """Its name in the set, unique."""
    target: Target
    """Class index, class indices of a multi-label set, or a number."""
    sources: Mapping[Modality, Source]
    """Where each modality lies; one that is absent is missing."""
    split: Split
    group: str = ""
    """What must not be split: a speaker, a source video, a recording; the key itself where nothing is shared."""


@dataclass(frozen=True, kw_only=True)
class LabelledSet:
    """A data set as its official lists have it, with one fold chosen."""

    name: str
    """Set and fold, for reports."""
    classes: tuple[str, ...]
    """Names by class index; of a regression, names of the outputs."""
    items: tuple[Item, ...]
    task: TaskKind = "classification"
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know, such as protocols that must not be compared."""
    skipped: Mapping[str, int] = field(default_factory=Counter)
    """Reason -> items of the official lists that cannot be used, such as files that are not there."""

    def split(self, name: Split) -> tuple[Item, ...]:
        """Items of one split, in the order of the official lists."""
        return tuple(item for item in self.items if item.split == name)

    def __post_init__(self) -> None:
        for split in ("train", "val", "test"):
            if not self.split(split):
                raise UserError(
                    f"{self.name} has no usable item in its {split} split{_told(self.skipped)}",
                    "Nothing can be trained, chosen or tested",
                    "Check data.root against the layout in docs/finetuning-data.md",
                )
        repeated = [key for key, count in Counter(item.key for item in self.items).items() if count > 1]
        if repeated:
            raise UserError(
                f"{self.name} lists {repeated[0]!r} twice ({len(repeated)} such keys)",
                "A clip could be trained on and tested on",
                "Remove the repetition from the lists",
            )


def _told(skipped: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count} {reason}' for reason, count in sorted(skipped.items()))})" if skipped else ""
