"""Weighted draws: frequencies as declared, pure, plain where weights are equal."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vatt_harmony.errors import UserError
from vatt_harmony.stream.draw_tables import DrawTables
from vatt_harmony.stream.draws import WeightedOrder, continued, to_levels
from vatt_harmony.stream.order import SourceOrder
from vatt_harmony.stream.versions import VersionedOrder

sizes = st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(lambda s: sum(s) > 0)
seeds = st.integers(0, 2**62)


def levels_for(shards, seed):
    return to_levels(np.random.default_rng(seed % 2**32).uniform(0.2, 1.0, sum(shards)))


def number(shards, place):
    return sum(shards[: place[0]]) + place[1]


@settings(deadline=None, max_examples=30)
@given(sizes, seeds, st.integers(1, 40), st.integers(1, 20), st.integers(0, 5))
def test_in_every_pass_each_sample_comes_floor_or_ceil_of_its_expected_times(shards, seed, lanes, window, epoch):
    levels = levels_for(shards, seed)
    order = WeightedOrder(seed, "a", shards, levels, lanes, window)
    seen = Counter(number(shards, order.at(draw)) for draw in range(epoch * order.draws, (epoch + 1) * order.draws))
    expected = levels.astype(float) * order.draws / levels.sum(dtype=np.int64)
    assert expected.max() <= 1
    for sample, share in enumerate(expected):
        assert np.floor(share) <= seen[sample] <= np.ceil(share)


@settings(deadline=None, max_examples=8)
@given(sizes, seeds)
def test_over_many_passes_frequencies_are_as_declared(shards, seed):
    levels = levels_for(shards, seed)
    order = WeightedOrder(seed, "a", shards, levels, 4, 5)
    passes = 50
    seen = Counter(number(shards, order.at(draw)) for draw in range(passes * order.draws))
    expected = passes * order.draws * levels.astype(float) / levels.sum(dtype=np.int64)
    drawn = np.array([seen[sample] for sample in range(len(levels))])
    assert np.abs(drawn - expected).max() <= 3  # chance alone would be off by 3.5 (standard deviation)


@settings(deadline=None, max_examples=30)
@given(sizes, seeds, st.integers(1, 40), st.integers(1, 20), st.floats(0.01, 1.0))
def test_equal_weights_give_the_plain_order_back(shards, seed, lanes, window, weight):
    plain = SourceOrder(seed, "a", shards, lanes, window)
    order = WeightedOrder(seed, "a", shards, to_levels(np.full(sum(shards), weight)), lanes, window)
    draws = range(2 * plain.samples)
    assert [order.at(draw) for draw in draws] == [plain.at(draw) for draw in draws]
    assert [order.at(draw, 1) for draw in draws] == [plain.at(draw, 1) for draw in draws]


def test_thousands_of_samples_and_blocks():
    shards, seed = [1000, 3000, 500], 5
    levels = levels_for(shards, seed)
    order = WeightedOrder(seed, "a", shards, levels, 8, 64)
    drawn = [number(shards, order.at(draw)) for draw in range(order.draws)]
    assert len(set(drawn)) == len(drawn)
    assert levels[drawn].mean() > levels.mean() * 1.1
    # Sixteen neighbours of a lane lie in one window's stretch of the shards.
    assert all(np.ptp(np.sort(drawn[lane : 64 * 8 : 8])) < 64 * 2.5 for lane in range(8))


def test_weights_that_cannot_be_drawn_are_refused():
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="above 0"):
            to_levels(np.array([1.0, wrong]))


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 10**6))
def test_passes_go_on_at_the_same_share(place, before, after):
    there = continued(place, before, after)
    assert abs(there / after - place / before) <= 1 / after + 1e-9
    assert there // after == place // before


def versioned(folder, refresh=2, seed=3, batch=12):
    shards = {"a": [7, 9], "b": [40]}
    return VersionedOrder(seed, batch, 12, 5, shards, {"a": 1.0, "b": 2.0}, DrawTables(folder, refresh))


WEIGHTS = {"a": np.linspace(0.2, 1, 16), "b": np.linspace(1, 0.2, 40)}


def write(order, version, weights=WEIGHTS):
    order.tables.write(version, order.next_table(version, weights))


def places(order, steps, batch=12):
    return [order.at(position) for step in steps for position in range(step * batch, (step + 1) * batch)]


def test_tables_are_in_force_one_refresh_after_they_were_made(tmp_path):
    order = versioned(tmp_path)
    write(order, 1)
    plain = super(VersionedOrder, order)
    assert places(order, range(4)) == [order_at_plain(order, p) for p in range(48)]
    assert plain.draws_of("a", 4) is not order.draws_of("a", 4)
    drawn = places(order, range(4, 6))
    assert drawn != [order_at_plain(order, p) for p in range(48, 72)]
    assert Counter(place.source for place in drawn) == {"a": 8, "b": 16}  # the mixture is untouched
    with pytest.raises(UserError, match="version_00000002"):
        order.tables.read(2, 0.0)


def order_at_plain(order, position):
    step, offset = divmod(position, order.global_batch)
    name, draw = order.mixture.at(step * order.global_batch + int(order._step_order(step)[offset]))
    shard, index = order.sources[name].at(draw)
    return type(order.at(0))(name, shard, index)


def test_any_position_is_reached_at_once_by_anybody_who_has_the_tables(tmp_path):
    order = versioned(tmp_path)
    for version in range(1, 6):
        write(order, version, {name: np.roll(values, version) for name, values in WEIGHTS.items()})
    way = places(order, range(14))
    assert [versioned(tmp_path).at(position) for position in reversed(range(168))] == way[::-1]


def test_passes_go_on_from_table_to_table(tmp_path):
    """With equal weights any number of tables leaves the plain order as it is."""
    order = versioned(tmp_path)
    for version in range(1, 8):
        write(order, version, {name: np.full(len(values), 0.3 + 0.1 * version) for name, values in WEIGHTS.items()})
    assert places(order, range(16)) == [order_at_plain(order, p) for p in range(192)]


def test_a_large_source_is_read_to_its_end_although_tables_change(tmp_path):
    """Each table covers an eighth of a pass; starting its passes anew would never reach the rest."""
    tables = DrawTables(tmp_path, 20)
    order = VersionedOrder(0, 10, 10, 4, {"a": [250] * 8}, {"a": 1.0}, tables)
    generator = np.random.default_rng(0)
    for version in range(1, 15):
        write(order, version, {"a": generator.choice([0.5, 1.0], 2000)})
    seen = Counter((place.shard, place.index) for place in places(order, range(300), 10))
    assert len(seen) > 0.9 * 2000  # two passes; without any order 78 % would be seen
    assert np.mean(list(seen.values())) < 1.7


def test_tables_are_forgotten_and_digested(tmp_path):
    order = versioned(tmp_path)
    for version in (1, 2, 3):
        write(order, version)
    (tmp_path / "version_00000004.part").write_text("half")
    assert list(order.tables.digests(5)) == ["1", "2"]
    assert list(order.tables.digests(2)) == ["1"] and order.tables.digests(1) == {}
    before = order.tables.digests(6)
    order.tables.forget_after(5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["version_00000001.npz", "version_00000002.npz"]
    again = versioned(tmp_path)
    write(again, 3)
    assert again.tables.digests(6) == before
    write(again, 3, {name: values[::-1] for name, values in WEIGHTS.items()})
    assert again.tables.digests(6) != before
