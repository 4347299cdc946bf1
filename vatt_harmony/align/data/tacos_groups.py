"""Three and more descriptions of one TACoS video, to be aligned with one another at once."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.data.labels import iou_labels
from vatt_harmony.align.data.tacos import Description, stream_of
from vatt_harmony.align.sequence import NULL, AlignmentSequence, Floats

Item = tuple[int, int]
"""Stream and place."""


def group(descriptions: Sequence[Description], threshold: float = 0.5) -> AlignmentSequence:
    """S descriptions of one video as streams; rows of the truth are sentences that tell of the same, `same_time`.

    Features have width 0, to be attached.
    """
    numbers = "_".join(f"{description.number:02d}" for description in descriptions)
    return AlignmentSequence(
        name=f"{descriptions[0].video}_{numbers}",
        group=descriptions[0].video,
        streams=tuple(stream_of(f"description {place + 1}", each) for place, each in enumerate(descriptions)),
        pairs=same_time([description.spans for description in descriptions], threshold),
    )


def description_groups(
    descriptions: Sequence[Description], streams: int, partners: int, *, least: int = 5, threshold: float = 0.5
) -> list[AlignmentSequence]:
    """Each description of a video with the `streams` - 1 ones that follow it, cyclically; so also every second, third …

    description, up to every `partners`-th. None of under `least` sentences takes part.
    """
    long = [description for description in descriptions if len(description) >= least]
    steps = [step for step in range(1, partners + 1) if step * (streams - 1) < len(long)]
    return [
        group([long[(first + step * place) % len(long)] for place in range(streams)], threshold)
        for step in steps
        for first in range(len(long))
    ]


def same_time(spans: Sequence[Floats], threshold: float) -> NDArray[np.int64]:
    """Rows `[P, S]` of items of S streams `[N_s, 2]` (seconds) that overlap one another, NULL where a stream has none.

    Two items belong together if each overlaps the other longest of its stream, with a temporal IoU of at least
    `threshold`, and so do the items that belong to either; but one row holds one item of a stream, and rows do not
    cross: of two that would, the later one is left out.
    """
    couples = [
        ((s, i), (t, j))
        for s, t in combinations(range(len(spans)), 2)
        for i, j in _mutual(spans[s], spans[t], threshold)
    ]
    rows = np.array([_row(items, len(spans)) for items in _clusters(couples)], np.int64).reshape(-1, len(spans))
    starts = [min(spans[stream][item, 0] for stream, item in enumerate(row) if item != NULL) for row in rows]
    last, kept = np.full(len(spans), NULL), list[NDArray[np.int64]]()
    for row in rows[np.argsort(starts, kind="stable")]:
        if ((row == NULL) | (row > last)).all():
            last = np.maximum(last, row)
            kept.append(row)
    return np.array(kept, np.int64).reshape(-1, len(spans))


def _mutual(items: Floats, others: Floats, threshold: float) -> list[tuple[int, int]]:
    """Items that overlap each other longest."""
    forth, back = iou_labels(items, others, threshold), iou_labels(others, items, threshold)
    return [(i, int(j)) for i, j in enumerate(forth) if j != NULL and back[j] == i]


def _clusters(couples: Iterable[tuple[Item, Item]]) -> list[frozenset[Item]]:
    """Items that belong together, over any number of others, with at most one of each stream."""
    cluster: dict[Item, frozenset[Item]] = {}
    for one, other in couples:
        joined = cluster.get(one, frozenset([one])) | cluster.get(other, frozenset([other]))
        if len({stream for stream, _ in joined}) == len(joined):
            cluster |= dict.fromkeys(joined, joined)
    return list(dict.fromkeys(cluster.values()))


def _row(items: Iterable[Item], streams: int) -> list[int]:
    places = dict(items)
    return [places.get(stream, NULL) for stream in range(streams)]
