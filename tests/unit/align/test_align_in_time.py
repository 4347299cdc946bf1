"""Clip accuracy, sentence IoU and null time against hand-made cases and a fine grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.alignment import seconds

from vatt_harmony.align.in_time import clip_accuracy, null_precision_recall, null_seconds, sentence_iou
from vatt_harmony.align.sequence import NULL, Floats, Owners

THREE = np.array([[0.0, 2], [2, 3], [3, 6]])
TWO = np.array([[0.0, 2.5], [4, 6]])


def test_three_clips_and_two_sentences_by_hand() -> None:
    owners = np.array([0, NULL, 1])
    # Right: 2 s of sentence 0, half a second of null, 2 of the 3 s of the last clip; of 6 s.
    assert clip_accuracy(owners, THREE, TWO) == pytest.approx(4.5 / 6)
    # Sentence 0: 2 of 2.5 s; sentence 1: 2 of 3 s.
    assert sentence_iou(owners, THREE, TWO) == pytest.approx((2 / 2.5 + 2 / 3) / 2)
    # Null time is 2.5-3 and 3-4; one second is called null.
    assert null_precision_recall(owners, THREE, TWO) == pytest.approx((0.5, 0.5 / 1.5))


def test_the_same_sentence_owns_two_separate_clips() -> None:
    assert sentence_iou(np.array([0, 1, 0]), THREE, TWO) == pytest.approx((2 / 5.5 + 0) / 2)


def test_all_null_scores_the_share_of_null_time() -> None:
    owners = np.full(3, NULL)
    assert clip_accuracy(owners, THREE, TWO) == pytest.approx(1.5 / 6)
    assert sentence_iou(owners, THREE, TWO) == 0
    assert null_precision_recall(owners, THREE, TWO) == pytest.approx((1.5 / 6, 1))


def test_a_sentence_that_nothing_shows_is_wrong_for_every_clip_and_no_part_of_the_iou() -> None:
    spans = np.array([[0.0, 2.5], [np.nan, np.nan], [4, 6]])
    assert clip_accuracy(np.array([0, 1, 2]), THREE, spans) == pytest.approx(4 / 6)
    assert sentence_iou(np.array([0, 1, 2]), THREE, spans) == pytest.approx((2 / 2.5 + 2 / 3) / 2)


def test_nothing_to_measure_is_nan_and_no_error() -> None:
    nothing = np.zeros((0, 2))
    assert np.isnan(clip_accuracy(np.zeros(0, np.int64), nothing, TWO))
    assert sentence_iou(np.zeros(0, np.int64), nothing, TWO) == 0
    assert clip_accuracy(np.full(3, NULL), THREE, nothing) == 1
    assert np.isnan(sentence_iou(np.full(3, NULL), THREE, nothing))
    assert np.isnan(null_precision_recall(np.array([0, 0, 1]), THREE, TWO)[0])


def test_touching_sentences_leave_no_null_time_by_rounding() -> None:
    edges = np.cumsum(np.full(1000, 0.1))
    spans = np.stack([edges[:-1], edges[1:]], axis=1)
    assert (null_seconds(spans + 0.0, spans) == 0).all()
    assert np.isnan(null_precision_recall(np.zeros(len(spans), np.int64), spans, spans)[1])


INTERVALS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=6)


@given(INTERVALS, INTERVALS, st.data())
@settings(deadline=None, max_examples=150)
def test_equal_to_counting_seconds_for_any_intervals(
    clips: list[tuple[int, int]], spans: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Intervals may overlap, be empty and stand in any order."""
    times, truth = (np.array([[a, a + b] for a, b in rows], float).reshape(-1, 2) for rows in (clips, spans))
    owners = np.array(data.draw(st.lists(st.integers(-1, len(spans) - 1), min_size=len(clips), max_size=len(clips))))
    owners = owners.astype(np.int64)
    assert clip_accuracy(owners, times, truth) == pytest.approx(_accuracy(owners, times, truth), nan_ok=True)
    assert sentence_iou(owners, times, truth) == pytest.approx(_iou(owners, times, truth), nan_ok=True)


def _covers(interval: Floats) -> np.ndarray:
    """Which of 64 seconds an interval covers."""
    middles = seconds(64).mean(axis=1)
    return (interval[0] < middles) & (middles < interval[1])


def _accuracy(owners: Owners, clips: Floats, spans: Floats) -> float:
    shown = np.array([_covers(span) for span in spans]).reshape(-1, 64)
    right = [
        (_covers(clip) & (shown[owner] if owner != NULL else ~shown.any(axis=0))).sum()
        for clip, owner in zip(clips, owners, strict=True)
    ]
    total = sum(_covers(clip).sum() for clip in clips)
    return sum(right) / total if total else float("nan")


def _iou(owners: Owners, clips: Floats, spans: Floats) -> float:
    values = []
    for place, span in enumerate(spans):
        own = np.array([_covers(clip) for clip in clips[owners == place]]).reshape(-1, 64).any(axis=0)
        union = (own | _covers(span)).sum()
        values.append((own & _covers(span)).sum() / union if union else 0.0)
    return float(np.mean(values)) if values else float("nan")
