"""R@1 and ROC-AUC in the manner of HTM-Align."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.alignment import film

from vatt_harmony.align.htm import alignability_auc, by_second, hits, similarity_figures


def test_seconds_take_the_clip_that_covers_their_middle() -> None:
    similarity = np.array([[0.1, 0.9], [0.5, 0.2]])
    clips = np.array([[0.0, 1.4], [2.6, 4.0]])
    expected = [[0.1, -np.inf, -np.inf, 0.5], [0.9, -np.inf, -np.inf, 0.2]]
    np.testing.assert_array_equal(by_second(similarity, clips), expected)
    assert by_second(np.zeros((0, 2)), np.zeros((0, 2))).shape == (2, 0)


def test_a_sentence_is_hit_from_the_floor_of_its_start_to_the_ceiling_of_its_end() -> None:
    best = np.eye(6)[[1, 4, 0, 5, 2]]
    spans = np.array([[1.9, 3.2], [1.9, 3.2], [1.9, 3.2], [1.9, 3.2], [np.nan, np.nan]])
    np.testing.assert_array_equal(hits(best, spans), [1, 1, 0, 0, np.nan])


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12))
@settings(deadline=None)
def test_auc_is_the_chance_to_rank_a_pair_right_with_ties_half(rows: list[tuple[int, bool]]) -> None:
    shown, hidden = ([score for score, alignable in rows if alignable is kind] for kind in (True, False))
    auc = alignability_auc(np.array([score for score, _ in rows]), np.array([alignable for _, alignable in rows]))
    pairs = [1.0 if one > other else 0.5 if one == other else 0.0 for one in shown for other in hidden]
    assert auc == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


def test_figures_of_joint_features() -> None:
    joint = (np.eye(3), [[1, 0, 0], [0, 1, 0], [0.1, 0.1, 0.1]])
    timed = film([[0, 2], [2, 4], [4, 9]], [[0, 2], [5, 6], [np.nan, np.nan]], joint=joint)
    recall, auc = similarity_figures([timed])
    assert (recall.value, recall.n) == (50, 2)
    assert (auc.value, auc.n) == (100, 3)
    assert similarity_figures([film([[0, 2]], [[0, 2]])]) == []
