"""Every recurrence against all alignments of small tables, written down one by one, and against the other library."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tslearn.metrics import dtw_path_from_metric

from vatt_harmony.align.baselines import double_drop_dtw, drop_dtw, needleman_wunsch, otam
from vatt_harmony.align.baselines.dtw import warp
from vatt_harmony.align.baselines.lattice import skewed
from vatt_harmony.align.sequence import NULL, Floats

SMALL = {"clips": st.integers(1, 5), "sentences": st.integers(1, 4), "seed": st.integers(0, 2**16)}


def costs(clips: int, sentences: int, seed: int) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.random((clips, sentences)), rng.random(clips) * 0.7, rng.random(sentences) * 0.7


def in_order(clips: int, sentences: int) -> list[np.ndarray]:
    """All owners of clips that go up, nulls apart."""
    every = (np.array(owners) for owners in product(range(-1, sentences), repeat=clips))
    return [owners for owners in every if (np.diff(owners[owners != NULL]) >= 0).all()]


def own_cost(owners: np.ndarray, cost: Floats, drop: Floats) -> float:
    return sum(drop[i] if owner == NULL else cost[i, owner] for i, owner in enumerate(owners.tolist()))


def whole(owners: np.ndarray, sentences: int) -> bool:
    """Every sentence owns clips, and none of them is apart from the others."""
    places = [np.flatnonzero(owners == sentence) for sentence in range(sentences)]
    return all(len(own) and own[-1] - own[0] + 1 == len(own) for own in places)


@given(**SMALL)
@settings(deadline=None, max_examples=40)
def test_drop_dtw_is_the_cheapest_of_all_alignments_with_contiguous_sentences(
    clips: int, sentences: int, seed: int
) -> None:
    cost, drop, _ = costs(clips, sentences, seed)
    all_costs = [own_cost(each, cost, drop) for each in in_order(clips, sentences) if whole(each, sentences)]
    assert drop_dtw.drop_path(cost, drop)[1] == pytest.approx(min(all_costs, default=np.inf))


@given(**SMALL)
@settings(deadline=None, max_examples=40)
def test_without_drops_it_is_the_cheapest_partition_into_sentences(clips: int, sentences: int, seed: int) -> None:
    cost, _, _ = costs(clips, sentences, seed)
    full = [each for each in in_order(clips, sentences) if (each != NULL).all() and whole(each, sentences)]
    never = np.full(clips, np.inf)
    found = drop_dtw.drop_path(cost, never)[1]
    assert found == pytest.approx(min((own_cost(each, cost, never) for each in full), default=np.inf))


@given(**SMALL)
@settings(deadline=None, max_examples=40)
def test_otam_is_the_cheapest_with_nulls_at_the_ends_only(clips: int, sentences: int, seed: int) -> None:
    cost, _, _ = costs(clips, sentences, seed)
    free = np.zeros(clips)
    inner = [
        each
        for each in in_order(clips, sentences)
        if whole(each, sentences) and (np.diff(np.flatnonzero(each != NULL)) == 1).all()
    ]
    expected = min((own_cost(each, cost, free) for each in inner), default=np.inf)
    assert otam.otam_path(cost)[1] == pytest.approx(expected)


@given(**SMALL)
@settings(deadline=None, max_examples=40)
def test_needleman_wunsch_is_the_cheapest_of_all_alignments_one_to_one(clips: int, sentences: int, seed: int) -> None:
    cost, clip_gap, sentence_gap = costs(clips, sentences, seed)
    single = [each for each in in_order(clips, sentences) if len(set(each[each != NULL])) == (each != NULL).sum()]
    all_costs = [own_cost(each, cost, clip_gap) + np.delete(sentence_gap, each[each != NULL]).sum() for each in single]
    assert needleman_wunsch.gap_path(cost, clip_gap, sentence_gap)[1] == pytest.approx(min(all_costs))


@given(**SMALL)
@settings(deadline=None, max_examples=40)
def test_double_drop_is_its_recurrence_cell_by_cell(clips: int, sentences: int, seed: int) -> None:
    cost, drop_clip, drop_sentence = costs(clips, sentences, seed)
    found = double_drop_dtw.double_drop_path(cost, drop_clip, drop_sentence)[1]
    assert found == pytest.approx(_double_drop(cost, drop_clip, drop_sentence))


def _double_drop(cost: Floats, drop_clip: Floats, drop_sentence: Floats) -> float:
    """Sentences k down, clips n to the right, as the paper writes it; states: match, clip, sentence, both."""
    clips, sentences = cost.shape
    match, clip, sentence, both = (np.full((sentences + 1, clips + 1), np.inf) for _ in range(4))
    clip[0], both[0] = (np.append(0, np.cumsum(drop_clip)) for _ in range(2))
    sentence[:, 0], both[:, 0] = (np.append(0, np.cumsum(drop_sentence)) for _ in range(2))
    for k, n in product(range(1, sentences + 1), range(1, clips + 1)):
        diagonal = min(each[k - 1, n - 1] for each in (match, clip, sentence, both))
        match[k, n] = cost[n - 1, k - 1] + min(diagonal, match[k, n - 1], match[k - 1, n], sentence[k - 1, n])
        clip[k, n] = drop_clip[n - 1] + min(match[k, n - 1], clip[k, n - 1])
        sentence[k, n] = drop_sentence[k - 1] + min(match[k - 1, n], sentence[k - 1, n])
        both[k, n] = min(
            drop_clip[n - 1] + min(sentence[k, n - 1], both[k, n - 1]),
            drop_sentence[k - 1] + min(clip[k - 1, n], both[k - 1, n]),
        )
    return float(min(each[-1, -1] for each in (match, clip, sentence, both)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (9, 4), (4, 9), (40, 25)])
def test_dtw_is_that_of_tslearn(shape: tuple[int, int]) -> None:
    distance = np.random.default_rng(sum(shape)).random(shape)
    # On tensors its functions are not compiled, which takes longer than all of these tests.
    path, cost = dtw_path_from_metric(torch.from_numpy(distance), metric="precomputed", be="pytorch")
    cells = warp(distance)[:, :2] - 1
    np.testing.assert_array_equal(cells, path)
    assert distance[tuple(cells.T)].sum() == pytest.approx(float(cost))


@pytest.mark.parametrize("shape", [(1, 1), (9, 4), (4, 9), (30, 25)])
def test_double_drop_without_drops_is_dtw(shape: tuple[int, int]) -> None:
    cost = np.random.default_rng(sum(shape)).random(shape)
    never = [np.full(count, np.inf) for count in shape]
    path, total = double_drop_dtw.double_drop_path(cost, never[0], never[1])
    np.testing.assert_array_equal(path[:, :2], warp(cost)[:, :2])
    assert total == pytest.approx(cost[tuple(path[:, :2].T - 1)].sum())


def test_anti_diagonals_of_a_table() -> None:
    inf = np.inf
    expected = [[0, inf], [1, 3], [2, 4], [inf, 5]]
    np.testing.assert_array_equal(skewed(np.arange(6.0).reshape(2, 3)), expected)
