"""Scores by number: right partners, sets of clips, null items, and pairs over several streams."""

import numpy as np
import pytest

from vatt_harmony.align.by_count import null_counts, one_to_one_accuracy, pair_scores, set_iou

PAIRS = np.array([[0, 0], [1, 0], [3, 2]])
LENGTHS = (5, 4)


def test_the_truth_is_right_everywhere() -> None:
    owners = np.array([0, 0, -1, 2, -1])
    assert one_to_one_accuracy(owners, PAIRS, LENGTHS) == (1, 1)
    assert set_iou(owners, PAIRS, LENGTHS) == 1


def test_a_clip_counts_with_any_right_partner_and_a_sentence_with_exactly_its_clips() -> None:
    owners = np.array([0, -1, 1, 2, -1])
    # Clips 0, 3 and 4 are right. Sentence 0 lacks a clip, 1 should have none, 2 and 3 are right.
    assert one_to_one_accuracy(owners, PAIRS, LENGTHS) == (3 / 5, 2 / 4)
    assert set_iou(owners, PAIRS, LENGTHS) == (1 / 2 + 1) / 2


def test_a_clip_of_two_sentences_is_right_with_either() -> None:
    pairs = np.array([[0, 0], [0, 1]])
    assert one_to_one_accuracy(np.array([0]), pairs, (1, 2)) == (1, 1 / 2)
    assert one_to_one_accuracy(np.array([1]), pairs, (1, 2)) == (1, 1 / 2)
    assert one_to_one_accuracy(np.array([-1]), pairs, (1, 2)) == (0, 0)


def test_null_items_are_measured_only_where_there_are_some() -> None:
    called, null = np.array([True, True, False, False]), np.array([True, False, True, True])
    assert null_counts(called, null) == (1 / 2, 1 / 3)
    assert all(np.isnan(null_counts(called, np.zeros(4, bool))))


def test_empty_alignments() -> None:
    none = np.zeros((0, 2), np.int64)
    assert one_to_one_accuracy(np.array([-1, -1]), none, (2, 0))[0] == 1
    assert np.isnan(set_iou(np.array([-1, -1]), none, (2, 0)))


def test_pairs_over_three_streams_are_compared_two_by_two() -> None:
    true = np.array([[0, 0, 0], [1, -1, 1]])
    assert pair_scores(true, true) == (1, 1, 1)
    # Found: 0-0 of the first two streams (right) and 1-2 of the first and third (wrong); of four true ones.
    assert pair_scores(np.array([[0, 0, -1], [1, -1, 2]]), true) == pytest.approx((1 / 2, 1 / 4, 2 / 6))
    assert np.isnan(pair_scores(np.zeros((0, 3), np.int64), true)[0])
