"""The best next action after a mistake, case by case."""

import pytest
import torch

from vatt_harmony.align.actions import FIVE, ONE_TO_MANY, ONE_TO_ONE, ActionSet, streams_set
from vatt_harmony.align.dynamic_oracle import dynamic_targets


@pytest.mark.parametrize(
    ("kind", "pairs", "lengths", "left", "order", "name"),
    [
        pytest.param(ONE_TO_MANY, [(0, 0), (1, 1)], (2, 2), (2, 1), "lazy", "PC", id="the sentence is gone"),
        pytest.param(ONE_TO_MANY, [(0, 0), (1, 1)], (2, 2), (1, 2), "lazy", "PS", id="the clip is gone"),
        pytest.param(ONE_TO_MANY, [], (2, 2), (2, 2), "eager", "PS", id="nothing belongs together, sentences first"),
        pytest.param(ONE_TO_MANY, [(0, 0)], (1, 1), (0, 0), "lazy", "PC", id="finished: action 0"),
        pytest.param(FIVE, [(0, 0), (1, 0)], (2, 1), (2, 1), "lazy", "MRS", id="a later clip needs the sentence"),
        pytest.param(FIVE, [(0, 0), (1, 0)], (2, 1), (1, 1), "lazy", "M", id="no later one does"),
        pytest.param(ONE_TO_ONE, [(0, 0), (2, 1)], (4, 2), (3, 2), "lazy", "M", id="a lost sentence takes a null clip"),
        pytest.param(ONE_TO_ONE, [(1, 0), (2, 1)], (3, 2), (3, 2), "lazy", "PC", id="a clip too many goes"),
        pytest.param(ONE_TO_ONE, [(1, 0), (2, 1)], (3, 2), (2, 2), "lazy", "M", id="none too many"),
        pytest.param(streams_set(3), [(0, -1, 1)], (1, 1, 2), (1, 1, 1), "lazy", "M02", id="two of three streams"),
        pytest.param(streams_set(3), [(0, -1, 1)], (1, 1, 2), (1, 1, 2), "lazy", "P1", id="first what belongs to none"),
    ],
)
def test_next_action(
    kind: ActionSet,
    pairs: list[tuple[int, ...]],
    lengths: tuple[int, ...],
    left: tuple[int, ...],
    order: str,
    name: str,
) -> None:
    truth = torch.tensor(pairs, dtype=torch.int64).reshape(1, -1, len(lengths))
    target = dynamic_targets(torch.tensor([[left]]), truth, torch.tensor([lengths]), kind, order)  # type: ignore[arg-type]
    assert kind.actions[int(target)].name == name
