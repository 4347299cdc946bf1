"""Windows of the videos an annotation names, decoded beside one another; what cannot be read is told by row."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.downstream.protocols.annotations import Row
from vatt_harmony.downstream.windows import Cut, cut_windows
from vatt_harmony.errors import UserError
from vatt_harmony.media.decode import open_media
from vatt_harmony.media.errors import MediaError
from vatt_harmony.shards.sample import VIDEO_EXTENSIONS

log = logging.getLogger(__name__)

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Shown:
    """What came of one row: its windows, uint8 [T, H, W, 3] each, or why there are none."""

    row: Row
    windows: list[Frames]
    reason: str = ""


def find_videos(folder: Path) -> dict[str, Path]:
    """Name without extension -> video file, of all below `folder`; raises UserError where it is no folder.

    Of files that share a name the first path counts; how many are left out is told.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder", "There is nothing to retrieve", "Give the folder of the videos")
    found: dict[str, Path] = {}
    others = []
    for path in sorted(folder.rglob("*")):
        if path.suffix[1:].lower() in VIDEO_EXTENSIONS and found.setdefault(path.stem, path) != path:
            others.append(path)
    if others:
        first = f"{others[0]} beside {found[others[0].stem]}"
        log.warning("files left out, as one before them has their name: %d, such as %s", len(others), first)
    return found


def show(rows: Sequence[Row], videos: dict[str, Path], cut: Cut, windows: int, threads: int) -> Iterator[Shown]:
    """Each row with its windows, in order; at most 2 x `threads` rows are held at a time."""

    def read(row: Row) -> Shown:
        if row.video not in videos:
            return Shown(row, [], "video missing")
        try:
            return Shown(row, _windows(videos[row.video], cut, windows, row.within))
        except MediaError as error:
            return Shown(row, [], error.reason)

    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(rows), 2 * threads):
            yield from pool.map(read, rows[start : start + 2 * threads])


def _windows(path: Path, cut: Cut, windows: int, within: tuple[float, float] | None) -> list[Frames]:
    with open_media(path, mute=True) as media:
        shown = [window.video for window in cut_windows(media, cut, windows, within)]
    frames = [video for video in shown if video is not None]
    if not frames:
        raise MediaError("decode error", f"{path} shows no picture")
    return frames
