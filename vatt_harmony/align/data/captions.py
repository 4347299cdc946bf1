"""Ordered captions as films: every caption with its clip, one to one (the HM-0 form of Dogan et al., CVPR 2018)."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vatt_harmony.align.sequence import AlignmentSequence, Stream
from vatt_harmony.errors import UserError


def read_captions(path: Path, least: int = 2) -> list[AlignmentSequence]:
    """One sequence a video from a CSV with the columns video_id, start, end (seconds) and text; in order of start.

    Clip i and sentence i belong together. Videos of fewer than `least` captions are left out. Features have width 0,
    to be attached. Raises UserError for a missing column and for times that are no numbers, with the row.
    """
    captions: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    read = 0
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                captions[row["video_id"]].append((float(row["start"]), float(row["end"]), row["text"].strip()))
                read += 1
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}, row {read + 2}, is no caption: {type(error).__name__} {error}",
            "There would be no films",
            "Give a CSV with the columns video_id, start, end and text",
        ) from error
    return [_film(video, sorted(rows)) for video, rows in captions.items() if len(rows) >= least]


def film_of(name: str, texts: Sequence[str]) -> AlignmentSequence:
    """A film of captions whose times are not known: 1 s each, end to end."""
    return _film(name, [(float(place), float(place + 1), text) for place, text in enumerate(texts)])


def _film(video: str, rows: list[tuple[float, float, str]]) -> AlignmentSequence:
    spans = np.array([row[:2] for row in rows], np.float64)
    empty, order = np.zeros((len(rows), 0), np.float32), np.arange(len(rows))
    return AlignmentSequence(
        name=video,
        group=video,
        streams=(
            Stream(name="clips", spans=spans, features=empty),
            Stream(name="sentences", spans=spans, features=empty, texts=tuple(row[2] for row in rows)),
        ),
        pairs=np.stack([order, order], axis=1),
    )
