import math

import pytest

from vatt_harmony.finetune.train.history import best_epoch, selected, should_stop


def epochs(*values, name="accuracy"):
    return [{"epoch": number, f"validation/{name}": value} for number, value in enumerate(values, 1)]


def test_the_first_of_the_best_is_kept_and_patience_counts_from_it():
    history = epochs(0.1, 0.5, 0.5, math.nan, 0.4)
    assert best_epoch(history, "accuracy")["epoch"] == 2
    assert [should_stop(history, "accuracy", patience) for patience in (0, 3, 4)] == [False, True, False]
    assert not should_stop([], "accuracy", 1)


def test_a_regression_is_chosen_by_its_squared_error():
    history = epochs(3.0, 1.0, 2.0, name="mse")
    assert best_epoch(history, "accuracy")["epoch"] == 2
    assert selected(history[0], "f1") == -3


def test_a_figure_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        selected(epochs(1.0)[0], "map")
