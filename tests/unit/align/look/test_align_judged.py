"""Verdicts, what was missed and the times of sentences, on an alignment made by hand."""

import numpy as np
from support.aligned_film import film_sequence, judged_film, made_prediction

from vatt_harmony.align.decode import Prediction
from vatt_harmony.align.look.judged import judge
from vatt_harmony.align.sequence import AlignmentSequence, Stream


def test_every_item_has_the_verdict_of_its_partners():
    judged = judged_film(film_sequence())
    assert judged.verdicts(0) == ["right"] * 4 + ["wrong", "right", "wrong", "right"]
    assert judged.verdicts(1) == ["right", "partly", "right", "partly", "partly"]
    assert judged.missed == [(4, 1), (6, 4)]
    assert judged.verdict((4, 3)) == "wrong" and judged.verdict((5, 3)) == "right"


def test_without_truth_nothing_is_judged():
    judged = judged_film(film_sequence(known=False))
    assert set(judged.verdicts(0) + judged.verdicts(1)) == {"unknown"}
    assert judged.missed == [] and judged.verdict((4, 3)) == "unknown"


def test_times_of_a_sentence_are_the_union_of_its_clips():
    judged = judged_film(film_sequence(), (0, 0, -1, 0, 3, -1, -1, 4))
    assert judged.intervals(0) == [(0.0, 4.0), (6.0, 8.0)]
    assert judged.intervals(1) == []


def test_a_clip_may_have_several_sentences():
    sequence = film_sequence()
    found = np.array([[0, 0], [0, 1], [3, 1]])
    (judged,) = judge(sequence, made_prediction(found))
    assert judged.found[0][0] == [0, 1] and judged.found[1][1] == [0, 3]
    assert judged.verdicts(0)[0] == "partly"
    assert judged.intervals(1) == [(0.0, 2.0), (6.0, 8.0)]
    assert judged.owners.tolist() == [0, -1, -1, 1, -1, -1, -1, -1]


def test_three_streams_are_shown_two_by_two():
    def stream(name: str, size: int) -> Stream:
        texts = tuple(f"{name} {item}" for item in range(size))
        return Stream(
            name=name, spans=np.full((size, 2), np.nan), features=np.zeros((size, 2), np.float32), texts=texts
        )

    sequence = AlignmentSequence(
        name="video",
        group="video",
        streams=tuple(map(stream, "abc", (2, 3, 2))),
        pairs=np.array([[0, 0, -1], [1, 2, 1]]),
    )
    found = np.array([[0, 0, -1], [1, -1, 1], [-1, 2, 0]])
    judged = judge(sequence, Prediction(pairs=found, probabilities=np.array([0.5, 0.6, 0.7]), score=0.0))
    assert [each.name for each in judged] == ["video.01", "video.02", "video.12"]
    assert [each.pairs for each in judged] == [{(0, 0): 0.5}, {(1, 1): 0.6}, {(2, 0): 0.7}]
    assert [each.truth for each in judged] == [{(0, 0), (1, 2)}, {(1, 1)}, {(2, 1)}]
    assert judged[0].verdicts(0) == ["right", "wrong"]
