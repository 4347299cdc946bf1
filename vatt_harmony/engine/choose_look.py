"""Choosing what the pictures of group `6 look` show, from one rank's own rows of a batch."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vatt_harmony.engine.report import Clip, Look, RetrievalRow


def choose_look(
    video: npt.NDArray[np.uint8],
    keys: Sequence[str],
    captions: Sequence[str],
    cosines: Sequence[float],
    similarity: npt.NDArray[np.floating],
    *,
    queries: int = 4,
    answers: int = 5,
    frames: int = 6,
) -> Look:
    """The first `queries` clips with their `answers` nearest, and all clips that have a cosine. Pure.

    video: uint8 `[B, T, H, W, 3]`, of which `frames` spread evenly are kept; similarity `[B, B]`: query row against
    answer column, -inf where a row has no caption; cosines: NaN where a sample has none.
    """
    spread = np.linspace(0, video.shape[1] - 1, min(frames, video.shape[1])).round().astype(int)
    clips = [
        Clip(key=key, frames=pictures, caption=caption, cosine=cosine if np.isfinite(cosine) else None)
        for key, pictures, caption, cosine in zip(keys, video[:, spread], captions, cosines, strict=True)
    ]
    askable = np.flatnonzero(np.isfinite(similarity).any(axis=1))[:queries]
    rows = [
        RetrievalRow(query=clips[row], answers=[(clips[at], float(similarity[row, at])) for at in order])
        for row in askable
        for order in [_best(similarity[row], answers)]
    ]
    return Look(retrieval=rows, conflicting=[clip for clip in clips if clip.cosine is not None])


def _best(similarities: npt.NDArray[np.floating], count: int) -> list[int]:
    order = np.argsort(-similarities, kind="stable")[:count]
    return [int(at) for at in order if np.isfinite(similarities[at])]
