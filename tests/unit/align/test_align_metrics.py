"""Which truth decides, and scores of all films as one."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from support.alignment import film, seconds

from vatt_harmony.align.metrics import score, scores
from vatt_harmony.align.truth import joined, truth_of
from vatt_harmony.errors import UserError

LONG = film([[10, 12], [12, 13], [13, 16]], [[10, 12.5], [14, 16]], pairs=[[0, 0], [2, 1]], name="long")
SHORT = film(seconds(2), [[0, 1], [np.nan, np.nan]], pairs=[[0, 0]], name="short")
TWO_UNKNOWN = np.full((2, 2), np.nan)


def test_time_decides_for_clips_of_a_film() -> None:
    found = scores(LONG, np.array([0, -1, 1]))
    assert found.accuracy == pytest.approx(4.5 / 6)
    assert (found.clips_right, found.sentences_right) == (1, 1)
    assert np.isnan(found.null_text_recall)


def test_a_sentence_without_a_span_is_null() -> None:
    assert scores(SHORT, np.array([0, -1])).null_text_recall == 1
    assert scores(SHORT, np.array([0, 1])).null_text_recall == 0


def test_number_decides_without_times_and_for_texts() -> None:
    untimed = film(np.full((3, 2), np.nan), TWO_UNKNOWN, pairs=[[0, 0], [2, 1]])
    texts = replace(LONG, streams=(replace(LONG.clips, texts=("a", "b", "c")), LONG.sentences))
    for sequence in (untimed, texts):
        found = scores(sequence, np.array([0, 0, 1]))
        assert found.accuracy == found.clips_right == pytest.approx(2 / 3)
        assert (found.pairs_precision, found.pairs_recall, found.pairs_f1) == pytest.approx((2 / 3, 1, 4 / 5))
        assert found.iou == pytest.approx((1 / 2 + 1) / 2)
        assert np.isnan(found.null_precision)
        assert found.null_recall == 0


def test_without_any_truth_nothing_is_scored() -> None:
    with pytest.raises(UserError, match="neither times of its sentences nor pairs"):
        scores(film(seconds(2), TWO_UNKNOWN), np.array([0, 1]))


def test_times_that_run_backwards_are_refused() -> None:
    for clips, spans in (([[2, 1]], [[0, 1]]), ([[0, 1]], [[2, 1]])):
        with pytest.raises(UserError, match="ends before it starts"):
            scores(film(clips, spans), np.array([0]))


def test_films_joined_are_one_long_film() -> None:
    owners = np.array([0, -1, 1]), np.array([0, 1])
    both = score(*joined([truth_of(LONG), truth_of(SHORT)], owners))
    assert both.accuracy == pytest.approx((4.5 + 1) / 8)
    assert both.iou == pytest.approx((2 / 2.5 + 2 / 3 + 1) / 3)
    assert (both.clips_right, both.sentences_right) == pytest.approx((4 / 5, 3 / 4))


def test_one_film_joined_is_itself() -> None:
    owners = np.array([1, -1, 0])
    one, itself = score(*joined([truth_of(LONG)], [owners])), scores(LONG, owners)
    assert asdict(one) == pytest.approx(asdict(itself), nan_ok=True)
