"""Which videos are kept for tests: a share of them, chosen by a keyed hash of their ids."""

from collections.abc import Sequence
from dataclasses import replace

from vatt_harmony.randomness import keyed_int
from vatt_harmony.shards.manifest import ManifestRow

Identity = tuple[str, ...]


def hold_out(rows: Sequence[ManifestRow], share: float, seed: int) -> list[ManifestRow]:
    """The rows with the split "test" for about `share` (in [0, 1)) of the videos and "train" for all others.

    All clips of a video get one split, which other videos do not change; rows that share a file are one video.
    Of two videos or more at least one is held out, unless the share is 0, and at least one is kept.
    """
    videos = _videos(rows)
    ranks = {video: keyed_int(seed, "hold out", *video) for video in set(videos)}
    order = sorted(ranks, key=lambda video: ranks[video])
    held = {video for video in order if ranks[video] < share * 2**63}
    if share > 0:
        held = (held | set(order[:1])) - set(order[-1:])
    return [replace(row, split="test" if video in held else "train") for row, video in zip(rows, videos, strict=True)]


def _videos(rows: Sequence[ManifestRow]) -> list[Identity]:
    """For each row the least identity among those that rows with its video id or its file are known by."""
    above: dict[Identity, Identity] = {}

    def root(identity: Identity) -> Identity:
        while above.setdefault(identity, identity) != identity:
            identity = above[identity]
        return identity

    for row in rows:
        one, other = sorted((root(("id", row.source, row.video_id)), root(("path", str(row.path)))))
        above[other] = one
    return [root(("path", str(row.path))) for row in rows]
