from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vatt_harmony.align.actions import FIVE, ONE_TO_MANY, ONE_TO_ONE, ActionSet
from vatt_harmony.align.data.pieces import cut
from vatt_harmony.align.data.yms import read_yms, read_yms_split
from vatt_harmony.align.sequence import AlignmentSequence, Stream, pairs_of


def sequence_of(labels: list[int], sentences: int) -> AlignmentSequence:
    """Every item's feature is its place."""
    clips, texts = (np.arange(count, dtype=np.float32)[:, None] for count in (len(labels), sentences))
    streams = tuple(
        Stream(name=name, spans=np.zeros((len(each), 2)), features=each, joint=-each)
        for name, each in (("clips", clips), ("sentences", texts))
    )
    return AlignmentSequence(name="s", group="s", streams=streams, pairs=pairs_of(np.array(labels, np.int64)))


LABELS = [0, 0, -1, 1, 2, 2, 2, -1, -1, 4, 4]


@pytest.mark.parametrize("actions", [4, 6, 9, 100])
def test_pieces_are_the_sequence_in_order_and_end_with_a_sentence(actions: int) -> None:
    pieces = cut(sequence_of(LABELS, 5), ONE_TO_MANY, actions)

    for stream, count in enumerate((len(LABELS), 5)):
        joined = np.concatenate([piece.features[stream] for piece in pieces])
        assert_array_equal(joined[:, 0], np.arange(count))
    for piece in pieces:
        assert len(piece.actions) == sum(piece.lengths)
        assert piece.actions[-1] == ONE_TO_MANY.index("PS")
        assert piece.joint is not None
        assert_array_equal(piece.joint[0], -piece.features[0])


def test_pieces_are_as_long_as_possible() -> None:
    lengths = [len(piece.actions) for piece in cut(sequence_of(LABELS, 5), ONE_TO_MANY, 6)]

    # The sentences take 4, 2, 6, 1 and 3 actions: clips without a sentence go before the sentence on top.
    assert lengths == [6, 6, 4]


def test_one_to_one_pieces_end_with_a_match_and_a_tail_without_sentences_is_left_out() -> None:
    pieces = cut(sequence_of([-1, 0, 1, -1, 2, -1, -1, -1], 3), ONE_TO_ONE, 3)

    assert [piece.lengths for piece in pieces] == [(3, 2), (2, 1)]


def test_a_clip_with_two_sentences_is_never_divided() -> None:
    sequence = sequence_of([0, 1], 3)
    shared = AlignmentSequence(
        name="s", group="s", streams=sequence.streams, pairs=np.array([[0, 0], [1, 1], [1, 2]], np.int64)
    )

    assert [piece.lengths for piece in cut(shared, FIVE, 1)] == [(1, 1), (1, 2)]


@pytest.mark.parametrize(("action_set", "order"), [(ONE_TO_MANY, "random"), (ONE_TO_MANY, "eager")])
def test_other_orders_lose_no_match(action_set: ActionSet, order: str) -> None:
    pieces = cut(sequence_of(LABELS, 5), action_set, 4, order, np.random.default_rng(0))  # type: ignore[arg-type]

    matched = sum(int((piece.actions == action_set.index("MRS")).sum()) for piece in pieces)
    assert matched == sum(label >= 0 for label in LABELS)


def test_yms_makes_198_pieces(data_root: Path) -> None:
    folder = data_root / "alignment" / "yms"
    films = read_yms(folder)
    pieces = [
        piece for video in read_yms_split(folder, list(films))["train"] for piece in cut(films[video], ONE_TO_MANY)
    ]

    assert len(pieces) == 198
    assert [max(piece.lengths[stream] for piece in pieces) for stream in (0, 1)] == [92, 41]
    assert max(len(piece.actions) for piece in pieces) == 100
