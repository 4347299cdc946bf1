import pytest
import torch

from vatt_harmony.engine.guards import FiniteGuard, GuardState, decide, nonfinite_rows
from vatt_harmony.errors import UserError

CPU = torch.device("cpu")
GOOD = {"video_audio": torch.tensor(1.0), "video_text": 2.0}
BAD = {"video_audio": torch.tensor(1.0), "video_text": torch.tensor([1.0, float("nan")])}


def test_decide_counts_and_ends_a_series():
    state, goes_on = decide(GuardState(total=3, in_a_row=1), ["x"], patience=3)
    assert (state, goes_on) == (GuardState(total=4, in_a_row=2), True)
    state, goes_on = decide(state, ["x"], patience=3)
    assert (state.in_a_row, goes_on) == (3, False)


def test_a_good_step_ends_the_series_and_keeps_the_total():
    assert decide(GuardState(total=3, in_a_row=2), [], patience=3) == (GuardState(total=3), True)


def test_good_values_allow_the_step_and_blame_nobody():
    verdict = FiniteGuard(CPU).check(GOOD, lambda: ["a/1"])
    assert (verdict.take_step, verdict.guilty, verdict.keys) == (True, (), ())


def test_the_guilty_value_and_the_local_keys_are_named():
    verdict = FiniteGuard(CPU).check(BAD, lambda: ["a/1", "a/2"])
    assert (verdict.take_step, verdict.guilty, verdict.keys) == (False, ("video_text",), ("a/1", "a/2"))


def test_isolated_bad_batches_are_survived_for_ever():
    guard = FiniteGuard(CPU, patience=2)
    for _ in range(10):
        guard.check(BAD, lambda: ["a/1"])
        guard.check(GOOD, lambda: ["a/1"])
    assert guard.state == GuardState(total=10)


def test_a_series_raises_and_names_loss_and_samples():
    guard = FiniteGuard(CPU, patience=2)
    guard.check(BAD, lambda: ["a/1"])
    with pytest.raises(UserError, match=r"2 steps in a row.*video_text.*a/1"):
        guard.check(BAD, lambda: ["a/1"])


def test_counters_survive_a_checkpoint():
    guard, resumed = FiniteGuard(CPU), FiniteGuard(CPU)
    guard.check(BAD, lambda: ["a/1"])
    resumed.load_state_dict(guard.state_dict())
    assert resumed.state == guard.state == GuardState(total=1, in_a_row=1)


def test_nonfinite_rows():
    rows = torch.zeros(3, 2, 2)
    rows[1, 1, 0] = float("inf")
    assert nonfinite_rows(rows).tolist() == [False, True, False]
