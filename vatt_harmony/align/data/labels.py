"""Which item belongs to which, by the times of both; pure functions of intervals in seconds."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.align.sequence import NULL, Floats, Owners


def overlaps(items: Floats, others: Floats) -> Floats:
    """Seconds that each of N `[N, 2]` shares with each of M intervals `[M, 2]`: `[N, M]`; 0 where a time is NaN."""
    start = np.maximum(items[:, None, 0], others[None, :, 0])
    end = np.minimum(items[:, None, 1], others[None, :, 1])
    shared: Floats = np.nan_to_num((end - start).clip(min=0))
    return shared


def majority_labels(clips: Floats, sentences: Floats) -> Owners:
    """For each clip the sentence that covers more than half of it, `[N]`, else NULL (official code of W21)."""
    shared = overlaps(clips, sentences)
    return _best(shared, shared > (clips[:, 1] - clips[:, 0])[:, None] / 2)


def iou_labels(items: Floats, others: Floats, threshold: float) -> Owners:
    """For each item the one it overlaps longest, `[N]`, if their IoU in time is at least `threshold`, else NULL."""
    shared = overlaps(items, others)
    union = _lengths(items)[:, None] + _lengths(others)[None, :] - shared
    iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return _best(shared, iou >= threshold)


def _best(shared: Floats, allowed: NDArray[np.bool_]) -> Owners:
    """The longest overlap of each row if it is allowed."""
    if shared.shape[1] == 0:
        return np.full(len(shared), NULL, np.int64)
    best = shared.argmax(axis=1)
    found = np.take_along_axis(allowed & (shared > 0), best[:, None], axis=1)[:, 0]
    return np.where(found, best, NULL).astype(np.int64)


def _lengths(spans: Floats) -> Floats:
    return np.nan_to_num(spans[:, 1] - spans[:, 0])
