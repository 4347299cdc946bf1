"""The films of a page: small copies inside it, or their relative addresses, and a picture of each clip."""

import io
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from vatt_harmony.media.container import Source
from vatt_harmony.media.decode import open_media, probe
from vatt_harmony.media.encode import cut_clip
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.parallel import progress_bar

SHORT_SIDE, FPS, SAMPLE_RATE, CRF, BIT_RATE = 144, 10.0, 24000, 30, 32000
LONGEST_SECONDS = 600.0
LATEST_START = 0.1
"""Seconds; a film that starts later than this would lie shifted in its copy."""
PICTURE_HEIGHT = 56
PICTURES = 3000


@dataclass(frozen=True, kw_only=True)
class Film:
    """What a page shows of one film."""

    data: bytes | None = None
    """A small mp4."""
    address: str | None = None
    """Of the film itself, relative to the page, where it has no copy inside."""
    pictures: tuple[bytes | None, ...] = ()
    """A JPEG from the middle of each clip."""


def films(
    wanted: Sequence[tuple[str, NDArray[np.float64]]], folder: Path, megabytes: float, console: Console
) -> tuple[dict[str, Film], Counter[str]]:
    """The films by path, each with the spans `[N, 2]` of its clips in seconds; `folder` is that of the page.

    Copies are made in order until their text in the page would take `megabytes`. What cannot be read is counted
    by reason and left out.
    """
    found: dict[str, Film] = {}
    failures: Counter[str] = Counter()
    room, pictures = megabytes * 1e6 * 3 / 4, PICTURES  # base64 writes three bytes as four letters
    with progress_bar(console, "films") as progress:
        bar = progress.add_task("films for the page", total=len(wanted))
        for path, spans in wanted:
            progress.advance(bar)
            if not Path(path).is_file():
                failures["not found"] += 1
                continue
            try:
                found[path] = film = _film(Path(path), spans[:pictures], folder, room)
            except MediaError as error:
                failures[error.reason] += 1
                continue
            room -= len(film.data or b"")
            pictures -= len(film.pictures)
    return found, failures


def relative(path: Path, folder: Path) -> str:
    """A file as a page in `folder` refers to it."""
    return quote(Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix())


def _film(path: Path, spans: NDArray[np.float64], folder: Path, room: float) -> Film:
    copy = _copy(path, room)
    pictures = tuple(_pictures(copy or path, spans))
    return Film(data=copy, address=None if copy else relative(path, folder), pictures=pictures)


def _copy(path: Path, room: float) -> bytes | None:
    """A small copy, None for a film that is too long or for which there is no room.

    Always encoded anew: whatever else the file holds stays out of the page.
    """
    start, end = probe(path).common
    if room <= 0 or start > LATEST_START or end > LONGEST_SECONDS:  # an infinite end is also too long
        return None
    clip = cut_clip(
        path, 0.0, math.inf, fps=FPS, short_side=SHORT_SIDE, sample_rate=SAMPLE_RATE, crf=CRF, bit_rate=BIT_RATE
    )
    return clip.data if len(clip.data) <= room else None


def _pictures(source: Source, spans: NDArray[np.float64]) -> list[bytes | None]:
    with open_media(source) as media:
        height, width = media.upright_size()
        if not height:
            return [None] * len(spans)
        size = PICTURE_HEIGHT, max(round(PICTURE_HEIGHT * width / height), 1)
        made: list[bytes | None] = []
        for middle in spans.mean(1):
            try:
                window = media.read_window(middle, 1, FPS, SAMPLE_RATE, height=size[0], width=size[1], min_seconds=0.0)
            except MediaError:  # damage here; the other clips have their pictures
                made.append(None)
            else:
                made.append(None if window.video is None else _jpeg(window.video[0]))
    return made


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="jpeg", quality=62)
    return file.getvalue()
