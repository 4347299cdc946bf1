"""Actions: what each takes from the stacks, and when it is possible."""

import pytest
import torch

from vatt_harmony.align.actions import ACTION_SETS, FIVE, ONE_TO_MANY, ONE_TO_ONE, ActionSet, action_set, streams_set
from vatt_harmony.errors import UserError


def names_of(actions: ActionSet, left: list[int]) -> set[str]:
    legal = actions.legal(torch.tensor(left))
    return {action.name for action, may in zip(actions.actions, legal, strict=True) if may}


def test_ids_are_those_of_the_released_code() -> None:
    assert [action.name for action in ONE_TO_ONE.actions] == ["M", "PC"]
    assert [action.name for action in ONE_TO_MANY.actions] == ["PC", "PS", "MRS"]
    assert set(ACTION_SETS) == {"one_to_one", "one_to_many", "five"}


@pytest.mark.parametrize(
    ("actions", "left", "names"),
    [
        (ONE_TO_MANY, [2, 1], {"PC", "PS", "MRS"}),
        (ONE_TO_MANY, [0, 1], {"PS"}),
        (ONE_TO_MANY, [3, 0], {"PC"}),
        (ONE_TO_MANY, [0, 0], set()),
        (FIVE, [1, 1], {"PC", "PS", "M", "MRS", "MRC"}),
        (FIVE, [0, 2], {"PS"}),
        (ONE_TO_ONE, [3, 2], {"M", "PC"}),
        (ONE_TO_ONE, [2, 2], {"M"}),
        (ONE_TO_ONE, [1, 0], {"PC"}),
    ],
)
def test_impossible_actions_are_not_legal(actions: ActionSet, left: list[int], names: set[str]) -> None:
    assert names_of(actions, left) == names


@pytest.mark.parametrize(
    ("name", "after"), [("PC", [4, 3]), ("PS", [5, 2]), ("M", [4, 2]), ("MRS", [4, 3]), ("MRC", [5, 2])]
)
def test_effect_on_the_stacks(name: str, after: list[int]) -> None:
    left = FIVE.advance(torch.tensor([[5, 3]]), torch.tensor([FIVE.index(name)]))
    assert left.tolist() == [after]


def test_three_streams_pop_one_or_match_two_or_three() -> None:
    actions = streams_set(3)
    assert [action.name for action in actions.actions] == ["P0", "P1", "P2", "M01", "M02", "M12", "M012"]
    assert names_of(actions, [1, 0, 2]) == {"P0", "P2", "M02"}
    assert actions.advance(torch.tensor([2, 2, 2]), torch.tensor(actions.index("M02"))).tolist() == [1, 2, 1]


def test_streams_and_set_must_agree() -> None:
    assert action_set("streams", 3).streams == 3
    with pytest.raises(UserError, match="aligns 2 streams, not 3"):
        action_set("one_to_many", 3)
    with pytest.raises(UserError, match="9 streams"):
        streams_set(9)
