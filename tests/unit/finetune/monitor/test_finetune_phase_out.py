"""The way of mean |k - 1| through a run."""

import pytest

from vatt_harmony.finetune.monitor.phase_out import phase_out, tell_phase_out


def trace(*distances: float) -> list[dict[str, float]]:
    return [{"step": 10 * (number + 1), "distance": distance} for number, distance in enumerate(distances)]


def test_a_run_that_settles() -> None:
    told = phase_out(trace(0.5, 0.8, 0.05, 0.3, 0.08, 0.04))
    assert (told.peak, told.last, told.settled) == (0.8, 0.04, 50)


def test_a_run_that_does_not() -> None:
    told = phase_out(trace(0.2, 0.3, 0.4))
    assert told.settled is None and told.last == 0.4
    assert phase_out(trace(0.2, 0.3, 0.4), threshold=0.5).settled == 10
    assert phase_out(trace(0.05, float("nan"))).settled is None


def test_the_end_is_the_mean_of_the_last_tenth() -> None:
    told = phase_out(trace(*[1.0] * 18, 0.5, 0.3))
    assert told.last == pytest.approx(0.4)


def test_without_balancing_there_is_nothing_to_fade() -> None:
    told = phase_out(trace(0.0, 0.0))
    assert (told.peak, told.settled) == (0.0, 10)
    with pytest.raises(ValueError, match="no `distance`"):
        phase_out([{"step": 1.0}])


def test_it_is_told_of_rules_that_balance() -> None:
    told = tell_phase_out(
        {
            "none": [[{"step": 10}]],
            "multiloss": [trace(0.0, 0.0)],
            "mlb": [trace(0.8, 0.05), trace(0.6, 0.3, 0.03)],
            "ogm": [trace(0.4, 0.3), trace(0.04, 0.04)],
        }
    )
    assert told == (
        "Mean |k − 1|, at its peak and at the end of training: mlb 0.70 and 0.04, below 0.1 from step 30 on; "
        "ogm 0.22 and 0.17."
    )
    assert tell_phase_out({"none": []}) == ""
