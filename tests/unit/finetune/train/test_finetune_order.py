import numpy as np
import pytest

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.train.order import Order


def test_every_sample_once_a_pass_in_another_order_each_time():
    order = Order(items=25, batch=8, accumulation=1, seed=3)
    assert order.steps_of_pass == 4
    passes = [np.concatenate([order.rows(step) for step in range(start, start + 4)]) for start in (0, 4)]
    for rows in passes:
        assert sorted(rows) == list(range(25))
    assert not np.array_equal(*passes)
    assert [len(order.rows(step)) for step in range(4)] == [7, 6, 6, 6]  # never a small rest


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_ranks_together_see_what_one_alone_does(ranks):
    order = Order(items=25, batch=8, accumulation=2, seed=3)
    alone = [set(rows) for rows in order.micro_batches(2, 6, 0, 1)]
    each = [list(order.micro_batches(2, 6, rank, ranks)) for rank in range(ranks)]
    assert len(alone) == 8
    for number, rows in enumerate(alone):
        parts = [own[number] for own in each]
        assert set().union(*parts) == rows and sum(map(len, parts)) == len(rows)


def test_every_sample_counts_the_same_in_uneven_micro_batches():
    order = Order(items=7, batch=7, accumulation=2, seed=0)
    assert order.weights(0) == pytest.approx([8 / 7, 6 / 7])


def test_too_many_ranks_are_refused():
    with pytest.raises(UserError, match="2 samples for 3 ranks"):
        list(Order(items=4, batch=4, accumulation=2, seed=0).micro_batches(0, 1, 0, 3))
