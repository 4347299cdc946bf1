"""Ranks, recalls and intervals against values worked out by hand."""

import numpy as np
import pytest
import torch

from vatt_harmony.downstream.intervals import bootstrap_mean, recall_difference, recall_interval
from vatt_harmony.downstream.report import print_retrieval, retrieval_figures
from vatt_harmony.downstream.retrieval import (
    DIRECTIONS,
    Embeddings,
    Retrieval,
    pessimistic_ranks,
    retrieval_ranks,
    retrieve,
)
from vatt_harmony.errors import UserError


def made(ranks: list[int], direction: str = "text_to_video") -> Retrieval:
    return Retrieval(direction=direction, keys=tuple(f"s/{i}" for i in range(len(ranks))), ranks=torch.tensor(ranks))


def test_hand_made_matrix() -> None:
    similarity = torch.tensor([[0.9, 0.1, 0.2, 0.3], [0.8, 0.5, 0.1, 0.2], [0.1, 0.2, 0.9, 0.0], [0.6, 0.5, 0.4, 0.1]])
    ranks = pessimistic_ranks(similarity)
    assert ranks.tolist() == [1, 2, 1, 4]
    result = made(ranks.tolist())
    assert (result.recall(1), result.recall(5), result.median_rank, result.chance(1)) == (0.5, 1.0, 1.5, 0.25)


def test_ties_and_nan_count_against_the_model() -> None:
    assert pessimistic_ranks(torch.ones(3, 3)).tolist() == [3, 3, 3]
    assert pessimistic_ranks(torch.full((3, 3), torch.nan)).tolist() == [3, 3, 3]


def test_chunks_do_not_change_ranks() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, items = torch.randn(2, 23, 5, generator=generator, dtype=torch.float64)
    assert torch.equal(retrieval_ranks(queries, items, chunk=4), pessimistic_ranks(queries @ items.T))


def test_directions_swap_queries_and_items_and_leave_out_missing_clips() -> None:
    video = torch.eye(4)
    text = torch.tensor([[1.0, 0, 0, 0], [0.9, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    everything = torch.ones(4, dtype=torch.bool)
    present = {"video": everything, "audio": ~everything, "text": torch.tensor([True, True, True, False])}
    embeddings = Embeddings(keys=("a", "b", "c", "d"), pairs={"video_text": (video, text)}, present=present)
    results = retrieve(embeddings, ["video_text", "video_audio"])
    assert list(results) == list(DIRECTIONS)
    v2t, t2v = results["video_to_text"], results["text_to_video"]
    assert v2t is not None and v2t.keys == ("a", "b", "c") and v2t.ranks.tolist() == [1, 1, 1]
    assert t2v is not None and t2v.ranks.tolist() == [1, 2, 1]
    assert results["audio_to_text"] is None and results["video_to_audio"] is None
    assert retrieve(embeddings, [])["video_to_text"] is None


def test_bootstrap_covers_the_mean_and_is_reproducible() -> None:
    values = np.random.default_rng(1).random(400)
    interval = bootstrap_mean(values, seed=3)
    expected = 1.96 * values.std() / 20
    assert interval == bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)
    assert interval.high - interval.value == pytest.approx(expected, rel=0.1)
    assert interval.value - interval.low == pytest.approx(expected, rel=0.1)
    assert bootstrap_mean([1.0, 1.0], seed=0).low == 1.0
    with pytest.raises(ValueError, match="empty"):
        bootstrap_mean([], seed=0)


def test_difference_is_paired_by_key() -> None:
    better, worse = made([1, 1, 1, 5]), made([1, 2, 3, 5])
    mixed = Retrieval(direction=worse.direction, keys=worse.keys[::-1], ranks=worse.ranks.flip(0))
    assert recall_difference(better, mixed, 1) == recall_difference(better, worse, 1)
    assert recall_difference(better, worse, 1).value == 0.5
    assert recall_difference(better, better, 1).high == 0.0
    with pytest.raises(UserError, match="not the same"):
        recall_difference(better, made([1, 2]), 1)
    assert recall_interval(better, 1).n == 4


def test_report_tells_what_was_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    results = {"text_to_video": made([1, 2, 1, 4]), "audio_to_text": None}
    figures = {figure.id: figure for figure in retrieval_figures(results)}
    assert figures["retrieval.text_to_video.R@1"].value == 0.5
    assert figures["retrieval.text_to_video.median_rank"].value == 1.5
    assert figures["retrieval.audio_to_text.R@1"].value is None and not figures["retrieval.audio_to_text.R@1"].holds
    print_retrieval(results)
    lines = capsys.readouterr().out.splitlines()
    assert "50.0" in lines[1] and "1.5" in lines[1] and "n/a" in lines[2]


def test_difference_pairs_equal_keys_in_their_order() -> None:
    keys = ("a", "b", "a")
    run = Retrieval(direction="text_to_video", keys=keys, ranks=torch.tensor([1, 1, 2]))
    same = Retrieval(direction="text_to_video", keys=("b", "a", "a"), ranks=torch.tensor([1, 1, 2]))
    assert recall_difference(run, same, 1).low == recall_difference(run, same, 1).high == 0.0
    with pytest.raises(UserError, match="not the same"):
        recall_difference(run, Retrieval(direction="text_to_video", keys=("a", "b", "b"), ranks=run.ranks), 1)
