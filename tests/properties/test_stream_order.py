"""The order of samples: pure, complete and in proportion, whatever the sizes."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vatt_harmony.stream.mixture import QUANTUM, Mixture, lay_out, quantise
from vatt_harmony.stream.order import SampleOrder, SourceOrder, keyed_permutation

sizes = st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(lambda s: sum(s) > 0)
lanes = st.integers(1, 40)
windows = st.integers(1, 20)
seeds = st.integers(0, 2**62)


@given(sizes, lanes, windows, seeds, st.integers(0, 5))
def test_every_sample_is_primary_once_an_epoch(shards, lanes, window, seed, epoch):
    order = SourceOrder(seed, "a", shards, lanes, window)
    draws = range(epoch * order.samples, (epoch + 1) * order.samples)
    expected = {(shard, index) for shard, size in enumerate(shards) for index in range(size)}
    seen = Counter(order.at(draw) for draw in draws)
    assert set(seen) == expected and set(seen.values()) == {1}


@given(sizes, lanes, windows, seeds, st.integers(0, 10_000), st.integers(1, 120))
def test_fallbacks_are_samples_and_depend_on_slot_and_attempt_alone(shards, lanes, window, seed, draw, attempt):
    first = SourceOrder(seed, "a", shards, lanes, window)
    second = SourceOrder(seed, "a", shards, lanes, window)
    for other in range(5):
        second.at(other)
    shard, index = first.at(draw, attempt)
    assert 0 <= index < shards[shard]
    assert second.at(draw, attempt) == (shard, index)


@given(seeds)
def test_first_fallbacks_stay_in_the_window_and_later_ones_reach_other_shards(seed):
    order = SourceOrder(seed, "a", [10] * 20, lanes=4, shuffle_window=10)
    shard, _ = order.at(7)
    assert all(order.at(7, attempt)[0] == shard for attempt in (1, 2, 3))
    assert len({order.at(7, attempt)[0] for attempt in range(4, 60)}) > 5


@given(seeds, st.integers(1, 50), st.integers(0, 3))
def test_epochs_differ_and_seeds_differ(seed, extra, epoch):
    order = SourceOrder(seed, "a", [20 + extra], lanes=3, shuffle_window=7)
    other = SourceOrder(seed + 1, "a", [20 + extra], lanes=3, shuffle_window=7)
    count = order.samples

    def run(source, epoch):
        return [source.at(draw) for draw in range(epoch * count, (epoch + 1) * count)]

    assert run(order, epoch) != run(order, epoch + 1)
    assert run(order, epoch) != run(other, epoch)


def test_a_small_source_is_shuffled_whole():
    order = SourceOrder(0, "a", [100], lanes=256, shuffle_window=512)
    assert order.lanes == 1
    row = [order.at(draw)[1] for draw in range(100)]
    assert abs(np.corrcoef(row, np.arange(100))[0, 1]) < 0.3


def test_lanes_read_side_by_side():
    order = SourceOrder(0, "a", [64] * 16, lanes=8, shuffle_window=16)
    assert order.lanes == 8
    assert len({order.at(draw)[0] for draw in range(8)}) == 8


weights = st.lists(st.floats(0.01, 100), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None)
@given(weights)
def test_every_prefix_is_in_proportion_to_within_one_sample(weights):
    counts = quantise(weights)
    layout = lay_out(counts)
    period = sum(counts)
    assert list(np.bincount(layout, minlength=len(counts))) == counts
    for source, count in enumerate(counts):
        given_so_far = np.cumsum(layout == source)
        assert np.abs(given_so_far - np.arange(1, period + 1) * count / period).max() < 1


@given(weights)
def test_quantised_weights_are_near(weights):
    counts = quantise(weights)
    for count, weight in zip(counts, weights, strict=True):
        assert count >= 1
        assert abs(count / sum(counts) - weight / sum(weights)) <= len(weights) / QUANTUM


def test_quantised_weights_need_not_fill_the_period():
    assert quantise([3.0]) == [1]
    assert quantise([0.5, 0.5]) == [1, 1]
    assert quantise([1.0, 3.0]) == [1, 3]
    assert quantise([0.1, 0.2, 0.3]) == [1, 2, 3]


def test_draws_of_a_source_count_up_over_periods():
    mixture = Mixture({"a": 1.0, "paused": 0.0, "b": 3.0})
    slots = [mixture.at(slot) for slot in range(40)]
    for name, share in (("a", 10), ("b", 30)):
        assert [draw for source, draw in slots if source == name] == list(range(share))


def made(seed=3, batch=12):
    return SampleOrder(seed, batch, 12, 5, {"a": [7, 9], "b": [40]}, {"a": 1.0, "b": 2.0})


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_any_position_is_reached_at_once(position):
    """No walk to the position: a fresh order agrees with one that came the long way round."""
    order = made()
    order.at(position + 100)
    assert order.at(position) == made().at(position)


def test_a_step_holds_every_source_in_proportion():
    order = made()
    for step in range(50):
        names = Counter(order.at(step * 12 + offset).source for offset in range(12))
        assert names == {"a": 4, "b": 8}


def test_a_source_inside_a_mixture_keeps_its_epochs():
    order = made()
    places = [order.at(position) for position in range(12 * 12)]
    row = [place for place in places if place.source == "a"]
    assert len(row) == 48
    assert all(len(set(row[epoch * 16 : epoch * 16 + 16])) >= 12 for epoch in range(3))
    assert set(Counter(row).values()) == {3}


@given(st.integers(0, 300), seeds)
def test_permutations_are_permutations(length, seed):
    assert sorted(keyed_permutation(length, seed, "x")) == list(range(length))


def test_the_order_is_frozen():
    """No release of numpy, and no change here, may move a run that is under way."""
    order = made()
    assert [(p.source, p.shard, p.index) for p in map(order.at, range(12))] == FROZEN


FROZEN = [
    ("b", 0, 21),
    ("b", 0, 30),
    ("a", 1, 1),
    ("b", 0, 7),
    ("b", 0, 37),
    ("b", 0, 12),
    ("a", 0, 0),
    ("b", 0, 28),
    ("a", 1, 5),
    ("b", 0, 17),
    ("a", 0, 3),
    ("b", 0, 0),
]
