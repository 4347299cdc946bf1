import numpy as np

from vatt_harmony.conflicts.choice import lowest_and_spread


def test_two_of_the_lowest_for_one_of_the_spread():
    cosine = np.linspace(-1, 1, 300)
    order = lowest_and_spread(np.zeros(300), cosine, 30)
    assert len(set(order.tolist())) == 30
    assert set(range(20)) <= set(order.tolist())
    assert (order >= 100).sum() >= 5  # the spread reaches the other end


def test_a_lone_clip_is_reached_before_a_crowd_is_exhausted():
    generator = np.random.default_rng(0)
    loss, cosine = generator.normal(0, 0.01, 5000), generator.normal(0, 0.01, 5000)
    loss[7], cosine[7] = 9.0, 1.0
    assert 7 in lowest_and_spread(loss, cosine, 60)


def test_all_clips_where_there_is_room_for_all():
    assert sorted(lowest_and_spread(np.zeros(5), np.zeros(5), 100).tolist()) == [0, 1, 2, 3, 4]
    assert lowest_and_spread(np.zeros(0), np.zeros(0), 10).size == 0
