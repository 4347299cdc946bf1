"""TACoS as a set of sequence pairs: two people's timed descriptions of one cooking video (files of 2D-TAN)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vatt_harmony.align.data.labels import iou_labels
from vatt_harmony.align.sequence import AlignmentSequence, Floats, Stream, pairs_of
from vatt_harmony.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Description:
    """What one person wrote about one video."""

    video: str
    number: int
    """Among the descriptions of the video."""
    texts: tuple[str, ...]
    spans: Floats
    """Of the sentences, seconds `[M, 2]`, sorted by start."""

    def __len__(self) -> int:
        return len(self.texts)


def read_descriptions(path: Path) -> dict[str, list[Description]]:
    """Video -> its descriptions. The file joins them; a new one begins where the start time falls.

    Raises UserError for a file without `timestamps`, `sentences` and `fps` of each video.
    """
    try:
        videos: dict[str, dict[str, Any]] = json.loads(path.read_text())
        return {video.removesuffix(".avi"): _cut(video.removesuffix(".avi"), told) for video, told in videos.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no TACoS file: {type(error).__name__} {error}",
            "There would be no descriptions",
            "Give train.json, val.json or test.json of 2D-TAN: video -> timestamps, sentences, fps",
        ) from error


def pair(first: Description, second: Description, threshold: float = 0.5) -> AlignmentSequence:
    """Two descriptions of one video: `first` takes the place of the clips, `second` that of the sentences.

    A sentence of the first belongs to the one of the second that it overlaps longest, if their temporal IoU is at
    least `threshold`, else to none. Features have width 0, to be attached.
    """
    return AlignmentSequence(
        name=f"{first.video}_{first.number:02d}_{second.number:02d}",
        group=first.video,
        streams=(stream_of("first", first), stream_of("second", second)),
        pairs=pairs_of(iou_labels(first.spans, second.spans, threshold)),
    )


def description_pairs(
    descriptions: Sequence[Description], partners: int, *, least: int = 5, threshold: float = 0.5
) -> list[AlignmentSequence]:
    """Each description of a video with the `partners` that follow it, cyclically; none of under `least` sentences."""
    long = [description for description in descriptions if len(description) >= least]
    steps = range(1, min(partners, len(long) - 1) + 1)
    return [
        pair(first, long[(place + step) % len(long)], threshold) for step in steps for place, first in enumerate(long)
    ]


def _cut(video: str, told: dict[str, Any]) -> list[Description]:
    spans = np.array(told["timestamps"], np.float64).reshape(-1, 2) / told["fps"]
    falls = np.flatnonzero(np.diff(spans[:, 0]) < 0) + 1
    bounds = [0, *falls.tolist(), len(spans)]
    texts = [text.strip() for text in told["sentences"]]
    return [
        Description(video=video, number=number, texts=tuple(texts[start:end]), spans=spans[start:end])
        for number, (start, end) in enumerate(pairwise(bounds))
    ]


def stream_of(name: str, description: Description) -> Stream:
    """The sentences of a description as a stream; features have width 0, to be attached."""
    return Stream(
        name=name,
        spans=description.spans,
        features=np.zeros((len(description), 0), np.float32),
        texts=description.texts,
    )
