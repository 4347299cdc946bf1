import numpy as np
from numpy.testing import assert_array_equal

from vatt_harmony.align.data.labels import iou_labels, majority_labels, overlaps


def test_majority_needs_more_than_half_of_the_clip() -> None:
    clips = np.array([[0, 2], [2, 4], [4, 6], [6, 8], [8, 8]], float)
    sentences = np.array([[0, 3], [3.5, 7], [7, 7.5]], float)

    assert_array_equal(majority_labels(clips, sentences), [0, -1, 1, -1, -1])


def test_times_that_are_unknown_and_no_sentences_at_all_give_no_label() -> None:
    clips = np.array([[0, 2], [np.nan, np.nan]], float)

    assert_array_equal(majority_labels(clips, np.array([[np.nan, np.nan], [0, 2]])), [1, -1])
    assert_array_equal(majority_labels(clips, np.zeros((0, 2))), [-1, -1])
    assert_array_equal(iou_labels(clips, np.zeros((0, 2)), 0.5), [-1, -1])


def test_overlap_in_seconds() -> None:
    shared = overlaps(np.array([[0, 2], [5, 9]], float), np.array([[1, 6], [20, 30]], float))

    assert_array_equal(shared, [[1, 0], [1, 0]])


def test_iou_label_is_the_longest_overlap_if_it_is_good_enough() -> None:
    items = np.array([[0, 4], [0, 4], [0, 4]], float)
    for threshold, label in ((0.5, 1), (0.75, 1), (0.8, -1)):
        others = np.array([[0, 2], [1, 4], [4, 9]], float)
        assert_array_equal(iou_labels(items, others, threshold), [label] * 3)
