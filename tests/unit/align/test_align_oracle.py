"""The oracle: the actions of a known alignment, in every order, for every set."""

import numpy as np
import pytest

from vatt_harmony.align.actions import FIVE, ONE_TO_MANY, ONE_TO_ONE, ActionSet, streams_set
from vatt_harmony.align.oracle import actions_of
from vatt_harmony.align.sequence import pairs_of
from vatt_harmony.errors import UserError


def told(actions: ActionSet, pairs: list[tuple[int, ...]], lengths: tuple[int, ...], **options: object) -> str:
    rows = np.array(pairs, dtype=np.int64).reshape(-1, len(lengths))
    taken = actions_of(rows, lengths, actions, **options)  # type: ignore[arg-type]
    return " ".join(actions.actions[int(place)].name for place in taken)


LABELS = [(1, 0), (4, 2), (5, 2)]
"""Of 7 clips and 4 sentences: null clips at the start, between and at the end, sentences 1 and 3 without clips."""


def test_lazy_keeps_sentences_as_long_as_possible() -> None:
    assert told(ONE_TO_MANY, LABELS, (7, 4)) == "PC MRS PC PC PS PS MRS MRS PC PS PS"


def test_eager_pops_a_sentence_right_after_its_last_clip() -> None:
    assert told(ONE_TO_MANY, LABELS, (7, 4), order="eager") == "PC MRS PS PS PC PC MRS MRS PS PS PC"


def test_random_orders_are_equally_likely() -> None:
    generator = np.random.default_rng(0)
    seen = [told(ONE_TO_MANY, [(2, 1)], (3, 2), order="random", generator=generator) for _ in range(600)]
    orders = {order: seen.count(order) / len(seen) for order in set(seen)}
    assert set(orders) == {"PC PC PS MRS PS", "PC PS PC MRS PS", "PS PC PC MRS PS"}
    assert all(0.25 < share < 0.42 for share in orders.values())


def test_a_sequence_has_one_action_for_each_item() -> None:
    generator = np.random.default_rng(1)
    owners = np.sort(generator.integers(0, 30, 80))
    owners[generator.random(80) < 0.2] = -1
    for order in ("lazy", "eager", "random"):
        assert len(actions_of(pairs_of(owners), (80, 30), ONE_TO_MANY, order, generator)) == 110  # type: ignore[arg-type]


def test_one_to_one() -> None:
    assert told(ONE_TO_ONE, [(1, 0), (2, 1)], (4, 2)) == "PC M M PC"


def test_five_retains_what_a_later_pair_needs() -> None:
    clips_of_one = [(0, 0), (2, 0)]
    assert told(FIVE, clips_of_one, (3, 1)) == "MRS PC M"
    sentences_of_one = [(0, 0), (0, 2), (1, 3)]
    assert told(FIVE, sentences_of_one, (2, 5)) == "MRC PS M M PS"


def test_streams_match_every_subset() -> None:
    rows = [(0, -1, 1), (1, 1, 2), (-1, 2, 3)]
    assert told(streams_set(3), rows, (2, 3, 4)) == "P1 P2 M02 M012 M12"


def test_empty_sequences_need_no_action() -> None:
    assert told(ONE_TO_MANY, [], (0, 0)) == ""
    assert told(ONE_TO_MANY, [], (2, 0)) == "PC PC"
    assert told(ONE_TO_MANY, [], (0, 2)) == "PS PS"


@pytest.mark.parametrize(
    ("actions", "pairs", "lengths", "words"),
    [
        (ONE_TO_MANY, [(0, 1), (1, 0)], (2, 2), "cross"),
        (ONE_TO_MANY, [(0, 0), (0, 1)], (2, 2), "shares items"),
        (ONE_TO_MANY, [(2, 0)], (2, 2), "not there"),
        (ONE_TO_ONE, [(0, 0)], (2, 2), "belongs to no pair"),
        (ONE_TO_ONE, [(0, 0), (1, 0)], (2, 1), "shares items"),
        (FIVE, [(0, 0), (0, 1), (1, 0)], (2, 2), "shares items"),
        (streams_set(3), [(0, 1, -1), (-1, 0, 1), (1, -1, 0)], (2, 2, 2), "cross"),
    ],
)
def test_what_no_actions_can_make_is_an_error(
    actions: ActionSet, pairs: list[tuple[int, ...]], lengths: tuple[int, ...], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        told(actions, pairs, lengths)
