"""Similarity baselines: what they return, on any table and on tables with a known answer."""

from itertools import pairwise

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.alignment import film, seconds
from tslearn.metrics import SoftDTW

from vatt_harmony.align.baselines import (
    ctw,
    double_drop_dtw,
    drop_dtw,
    dtw,
    minimum_distance,
    needleman_wunsch,
    otam,
    sinkhorn,
    soft_dtw,
)
from vatt_harmony.align.baselines.joint import Joint, joint_of
from vatt_harmony.align.baselines.registry import BASELINES
from vatt_harmony.align.sequence import NULL, Floats
from vatt_harmony.errors import UserError

NEAR, FAR, FARTHER = 0.1, 1.0, 1.5


def table(*rows: str) -> Floats:
    """`#` near, `.` far, `-` farther; a row is a clip."""
    return np.array([[{"#": NEAR, ".": FAR, "-": FARTHER}[cell] for cell in row] for row in rows])


NULLS_BETWEEN = table("#..", "#..", "---", ".#.", "---", "..#")
"""Clips 2 and 4 are like no sentence."""


def test_minimum_distance_takes_the_nearest_and_is_never_null_without_a_threshold() -> None:
    distance = np.array([[0.5, 0.2], [0.3, 0.3], [1.9, 2.0]])
    found = minimum_distance.assign(distance)
    assert found.within(np.inf).tolist() == [1, 0, 0]
    assert found.within(0.25).tolist() == [1, NULL, NULL]
    assert found.within(0.3).tolist() == [1, 0, NULL]


def test_a_clip_that_several_sentences_visit_takes_the_cheapest_first_one() -> None:
    assert dtw.assign(np.array([[0.4, 0.2, 0.2]])).owners.tolist() == [1]
    assert dtw.assign(np.array([[0.4, 0.2, 0.1]])).owners.tolist() == [2]


def test_methods_that_drop_leave_the_clips_between_null() -> None:
    truth = [0, 0, NULL, 1, NULL, 2]
    assert drop_dtw.align(NULLS_BETWEEN, keep=0.3).tolist() == truth
    assert double_drop_dtw.align(NULLS_BETWEEN, keep=0.3, temperature=0.1).tolist() == truth
    assert dtw.assign(NULLS_BETWEEN).within(0.5).tolist() == truth
    assert sinkhorn.align(NULLS_BETWEEN, price=0.2, capacity=2).tolist() == truth


def test_needleman_wunsch_gives_a_sentence_one_clip() -> None:
    assert needleman_wunsch.align(NULLS_BETWEEN, gap=0.3).tolist() in ([0, -1, -1, 1, -1, 2], [-1, 0, -1, 1, -1, 2])
    assert needleman_wunsch.align(NULLS_BETWEEN, gap=0.04).tolist() == [NULL] * 6


def test_otam_is_null_at_the_ends_only() -> None:
    distance = table("..", "#.", ".#", "..")
    assert otam.align(distance).tolist() == [NULL, 0, 1, NULL]


def test_the_double_drop_drops_a_sentence_that_no_clip_is_like() -> None:
    distance = table("#-.", "#-.", ".-#", ".-#")
    assert double_drop_dtw.align(distance, keep=0.5, temperature=0.1).tolist() == [0, 0, 2, 2]
    # With clips dropped alone, every sentence takes one.
    assert set(drop_dtw.align(distance, keep=0.5).tolist()) - {NULL} == {0, 1, 2}


def test_with_more_sentences_than_clips_every_clip_owns_some_and_sentences_are_dropped() -> None:
    distance = table(".#...", "..#..")
    assert otam.align(distance).tolist() == [1, 2]
    assert drop_dtw.align(distance, keep=0.2).tolist() == [1, 2]


def test_drop_costs_by_hand() -> None:
    similarity = np.array([[0.9, 0.1], [0.2, 0.4], [0.3, 0.5]])
    # Of six similarities the two highest are kept: "none" has the logit 0.5.
    cost, drop = drop_dtw.drop_costs(1 - similarity, keep=0.34, temperature=0.5)
    weights = np.exp(np.array([0.9, 0.1, 0.5]) / 0.5)
    expected = -np.log(weights / weights.sum() + 1e-5)
    np.testing.assert_allclose([*cost[0], drop[0]], expected)


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (3, 7), (20, 12)])
@pytest.mark.parametrize("gamma", [0.05, 1.0])
def test_soft_dtw_is_that_of_tslearn(shape: tuple[int, int], gamma: float) -> None:
    distance = np.random.default_rng(0).random(shape)
    # On tensors its functions are not compiled, which takes longer than all of these tests.
    theirs = SoftDTW(torch.from_numpy(distance), gamma, be="pytorch", compute_with_backend=True)
    assert soft_dtw.soft_costs(distance, gamma)[-1, -1] == pytest.approx(float(theirs.compute()))
    np.testing.assert_allclose(soft_dtw.expected_alignment(distance, gamma), theirs.grad().numpy(), atol=1e-8)


def test_soft_dtw_becomes_dtw_when_it_is_cold() -> None:
    distance = np.random.default_rng(0).random((20, 12))
    cold = soft_dtw.assign(distance, gamma=1e-4)
    cells = dtw.warp(distance)[:, :2] - 1
    visited = np.zeros((20, 12))
    visited[tuple(cells.T)] = 1
    np.testing.assert_allclose(soft_dtw.expected_alignment(distance, 1e-4), visited, atol=1e-6)
    np.testing.assert_array_equal(cold.owners, visited.argmax(axis=1))


@pytest.mark.parametrize("capacity", [1.0, 3.0])
def test_sinkhorn_is_that_of_pot_and_keeps_its_marginals(capacity: float) -> None:
    similarity, (clips, sentences) = np.random.default_rng(0).random((9, 5)), (9, 5)
    plan = sinkhorn.transport(similarity, 0.3, capacity, iterations=400)
    sent = np.append(np.ones(clips), sentences * capacity)
    taken = np.append(np.full(sentences, capacity), clips)
    np.testing.assert_allclose(plan.sum(axis=1), sent, rtol=1e-6)
    np.testing.assert_allclose(plan.sum(axis=0), taken, rtol=1e-6)
    padded = np.pad(similarity, ((0, 1), (0, 1)), constant_values=0.3)
    total = sent.sum()
    theirs = total * ot.sinkhorn(sent / total, taken / total, -padded, reg=0.1, numItermax=400, stopThr=0, warn=False)
    np.testing.assert_allclose(plan, theirs, rtol=1e-6)


def test_fifty_iterations_are_enough() -> None:
    similarity = np.random.default_rng(1).random((60, 20))
    np.testing.assert_allclose(sinkhorn.transport(similarity, 0.3).sum(axis=1)[:-1], 1, atol=1e-6)


def rotated(seed: int) -> tuple[Joint, np.ndarray]:
    """Sentences, and 2 to 3 noisy clips of each in another basis: similarities say little, correlations much."""
    rng = np.random.default_rng(seed)
    sentences = rng.standard_normal((40, 3)).cumsum(axis=0)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    owners = np.repeat(np.arange(40), rng.integers(2, 4, 40))
    clips = sentences[owners] @ turn + 0.1 * rng.standard_normal((len(owners), 3))
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (clips, sentences)]
    return Joint(unit[0], unit[1], 1 - unit[0] @ unit[1].T), owners


def test_ctw_goes_on_until_its_path_repeats_and_finds_what_dtw_cannot() -> None:
    joint, owners = rotated(0)
    paths = ctw.warps(joint, ridge=1e-3)
    assert 3 < len(paths) < ctw.ROUNDS
    assert not any(np.array_equal(one, other) for one, other in pairwise(paths[:-1]))
    assert any(np.array_equal(paths[-1], earlier) for earlier in paths[:-1])
    first, last = (np.abs(path[:, 1] - 1 - owners[path[:, 0] - 1]).mean() for path in (paths[0], paths[-1]))
    assert last < first


def test_canonical_directions_have_variance_one_and_pair_up() -> None:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((500, 2))
    one = np.concatenate([shared, rng.standard_normal((500, 3))], axis=1) @ rng.standard_normal((5, 5))
    other = np.concatenate([rng.standard_normal((500, 2)), shared], axis=1) @ rng.standard_normal((4, 4))
    to_one, to_other = ctw.canonical_directions(one, other, ridge=1e-9)
    u, v = (one - one.mean(axis=0)) @ to_one, (other - other.mean(axis=0)) @ to_other
    np.testing.assert_allclose(u.T @ u / 500, np.eye(4), atol=1e-6)
    correlations = np.diag(u.T @ v / 500)
    np.testing.assert_allclose(correlations[:2], 1, atol=1e-6)
    assert (np.abs(correlations[2:]) < 0.3).all()


SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 6))


@pytest.mark.parametrize("name", BASELINES)
@given(shape=SHAPES, seed=st.integers(0, 2**16), degenerate=st.booleans())
@settings(deadline=None, max_examples=12)
def test_any_table_gives_an_alignment(name: str, shape: tuple[int, int], seed: int, degenerate: bool) -> None:
    """Also with more sentences than clips, with equal features, and without any."""
    rng = np.random.default_rng(seed)
    clips, sentences = (rng.standard_normal((count, 4)) * (0 if degenerate else 1) for count in shape)
    joint = joint_of(film(seconds(shape[0]), seconds(shape[1]), joint=(clips, sentences)))
    baseline = BASELINES[name]
    for setting in list(baseline.settings([joint]))[::5]:
        found = baseline.assign(joint, setting)
        assert found.owners.shape == found.cost.shape == (shape[0],)
        assert ((found.owners >= NULL) & (found.owners < shape[1])).all()
        assert np.isfinite(found.cost).all()
        if name not in ("minimum distance", "Sinkhorn with a bucket", "soft-DTW"):
            assert (np.diff(found.owners[found.owners != NULL]) >= 0).all(), "out of order"


def test_joint_features_are_compared_by_their_direction_alone() -> None:
    sequence = film(seconds(2), seconds(3), joint=([[2.0, 0], [0, 0]], [[5.0, 0], [0, 1], [-1, 0]]))
    np.testing.assert_allclose(joint_of(sequence).distance, [[0, 1, 2], [1, 1, 1]])
    with pytest.raises(ValueError, match="no joint features"):
        joint_of(film(seconds(2), seconds(3)))
    with pytest.raises(UserError, match="not finite numbers"):
        joint_of(film(seconds(1), seconds(1), joint=([[np.nan]], [[1.0]])))
