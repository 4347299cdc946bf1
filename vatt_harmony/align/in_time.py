"""How much of an alignment is right in seconds: pure functions of intervals, for clips of a film.

Throughout: `owners` `[N]` the sentence of each clip, NULL for none; `clips` `[N, 2]` and `spans` `[M, 2]` start and end
in seconds; a sentence that nothing shows has a NaN span. Null time is the time of clips outside all spans. Source:
the wording of "Event Causality Is Key to Computational Story Understanding", NAACL 2024, and the released code of
Wang et al., WACV 2021. A value is NaN where nothing could be measured.
"""

import numpy as np

from vatt_harmony.align.sequence import NULL, Floats, Owners

_TIMES_AGREE = 1e-9
"""Seconds below which a rest is rounding."""


def clip_accuracy(owners: Owners, clips: Floats, spans: Floats) -> float:
    """Share of the clips' time inside the span of the clip's sentence or, of a null clip, outside all spans."""
    matched = owners != NULL
    right = np.where(matched, 0.0, null_seconds(clips, spans))
    right[matched] = _shared(clips[matched], spans[owners[matched]])
    return ratio(right.sum(), _seconds(clips).sum())


def sentence_iou(owners: Owners, clips: Floats, spans: Floats) -> float:
    """Mean over the sentences with a span of the intersection over union of span and clips; 0 for one without clips."""
    shown = np.flatnonzero(np.isfinite(spans).all(axis=1))
    return ratio(sum(_iou(clips[owners == place], spans[place]) for place in shown.tolist()), len(shown))


def null_precision_recall(owners: Owners, clips: Floats, spans: Floats) -> tuple[float, float]:
    """Null time among the time that is called null, and the part of null time that is called so."""
    called, null = owners == NULL, null_seconds(clips, spans)
    found = null[called].sum()
    return ratio(found, _seconds(clips[called]).sum()), ratio(found, null.sum())


def null_seconds(clips: Floats, spans: Floats) -> Floats:
    """Seconds of each clip `[N]` outside all spans."""
    rest = _seconds(clips) - _inside(clips, spans)
    return np.where(rest > _TIMES_AGREE, rest, 0.0)


def ratio(part: float, whole: float) -> float:
    """`part / whole`, NaN of nothing."""
    return float(part / whole) if whole > 0 else float("nan")


def _iou(clips: Floats, span: Floats) -> float:
    shared = _inside(span[None], clips)[0]
    together = _covered_until(np.array([np.inf]), clips)[0] + span[1] - span[0] - shared
    return float(shared / together) if together > 0 else 0.0


def _inside(intervals: Floats, union: Floats) -> Floats:
    """Seconds of each interval `[N]` inside the union of the others `[K, 2]`."""
    return _covered_until(intervals[:, 1], union) - _covered_until(intervals[:, 0], union)


def _covered_until(times: Floats, intervals: Floats) -> Floats:
    """Seconds before each time `[T]` that lie in at least one interval `[K, 2]`; intervals may overlap."""
    known = intervals[np.isfinite(intervals).all(axis=1)]
    if len(known) == 0:
        return np.zeros(len(times))
    known = known[np.argsort(known[:, 0], kind="stable")]
    ends = np.maximum.accumulate(known[:, 1])
    starts = np.maximum(known[:, 0], np.concatenate([[-np.inf], ends[:-1]]))
    after = np.cumsum(np.maximum(ends - starts, 0))
    before = np.concatenate([[0.0], after[:-1]])
    knots, covered = (np.stack(columns, axis=1).ravel() for columns in ((starts, ends), (before, after)))
    seconds: Floats = np.interp(times, knots, covered)
    return seconds


def _shared(intervals: Floats, others: Floats) -> Floats:
    """Seconds that each interval `[N, 2]` shares with the other of its row; 0 where one is NaN."""
    common = np.minimum(intervals[:, 1], others[:, 1]) - np.maximum(intervals[:, 0], others[:, 0])
    seconds: Floats = np.nan_to_num(np.maximum(common, 0))
    return seconds


def _seconds(intervals: Floats) -> Floats:
    lengths: Floats = intervals[:, 1] - intervals[:, 0]
    return lengths
