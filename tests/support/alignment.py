"""Small sequences of clips and sentences for tests of the aligner."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from vatt_harmony.align.sequence import AlignmentSequence, Stream


def film(
    clips: ArrayLike,
    spans: ArrayLike,
    *,
    pairs: ArrayLike | None = None,
    texts: Sequence[str] | None = None,
    joint: tuple[ArrayLike, ArrayLike] | None = None,
    name: str = "film",
    group: str | None = None,
) -> AlignmentSequence:
    """A sequence with clips `[N, 2]` and sentences `[M, 2]` in seconds; features of width 1 that say nothing."""
    times, truth = np.array(clips, float).reshape(-1, 2), np.array(spans, float).reshape(-1, 2)
    shared = (None, None) if joint is None else tuple(np.array(each, np.float32) for each in joint)
    return AlignmentSequence(
        name=name,
        group=name if group is None else group,
        streams=(
            Stream(name="clips", spans=times, features=np.ones((len(times), 1), np.float32), joint=shared[0]),
            Stream(
                name="sentences",
                spans=truth,
                features=np.ones((len(truth), 1), np.float32),
                texts=tuple(f"sentence {place}" for place in range(len(truth))) if texts is None else tuple(texts),
                joint=shared[1],
            ),
        ),
        pairs=None if pairs is None else np.array(pairs, np.int64).reshape(-1, 2),
    )


def seconds(count: int) -> np.ndarray:
    """`count` clips of one second, one after another: `[count, 2]`."""
    return np.stack([np.arange(count), np.arange(count) + 1], axis=1).astype(float)
