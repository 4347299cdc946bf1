"""A stream whose draws follow tables: any ranks and workers see one sequence, and it resumes only with its tables."""

import json

import numpy as np
import pytest

from tests.unit.stream.conftest import small
from vatt_harmony.errors import UserError
from vatt_harmony.stream.draw_tables import DrawTables
from vatt_harmony.stream.stream import Stream

STEPS = 10


def taken(stream: Stream, steps: int) -> list[list[str]]:
    batches = iter(stream)
    return [next(batches).keys for _ in range(steps)]


@pytest.fixture(scope="module")
def tables(data, tmp_path_factory) -> DrawTables:
    """Versions 1 to 4, made every 2 steps: in each, other samples are drawn rarely."""
    tables = DrawTables(tmp_path_factory.mktemp("draws"), 2)
    stream = Stream(data, small(), 1, tables=tables)
    generator = np.random.default_rng(0)
    for version in range(1, 5):
        weights = {name: generator.choice([0.2, 1.0], source.samples) for name, source in stream.sources.items()}
        stream.write_table(2 * version, weights)
    return tables


def test_ranks_workers_and_cuts_do_not_matter(data, tables):
    whole = taken(Stream(data, small(), 1, tables=tables), STEPS)
    assert whole[:4] == taken(Stream(data, small(), 1), 4)
    assert whole[4:] != taken(Stream(data, small(), 1), STEPS)[4:]
    parts = [taken(Stream(data, small(workers=rank), 1, rank, 2, tables=tables), STEPS) for rank in range(2)]
    assert [first + second for first, second in zip(*parts, strict=True)] == whole
    stream = Stream(data, small(), 1, tables=tables)
    taken(stream, 5)
    resumed = Stream(data, small(workers=1), 1, tables=tables)
    resumed.load_state_dict(json.loads(json.dumps(stream.state_dict())))
    assert taken(resumed, STEPS - 5) == whole[5:]


def test_batches_know_the_numbers_of_their_samples(data, tables):
    stream = Stream(data, small(), 1, tables=tables)
    for batch in [batch for batch, _ in zip(stream, range(STEPS), strict=False)]:
        for key, name, number in zip(batch.keys, batch.sources, batch.numbers, strict=True):
            shard, index = stream.sources[name].locate(number)
            assert key.endswith("/" + stream.sources[name].shards[shard].index().samples[index].key)


def test_another_rhythm_other_tables_or_none_are_refused(data, tables, tmp_path):
    stream = Stream(data, small(), 1, tables=tables)
    taken(stream, 5)
    state = stream.state_dict()
    assert list(state["draw_tables"]) == ["1", "2"]
    with pytest.raises(UserError, match="draw_refresh is 3, the checkpoint's 2"):
        Stream(data, small(), 1, tables=DrawTables(tables.folder, 3)).load_state_dict(state)
    with pytest.raises(UserError, match="draw_refresh is None, the checkpoint's 2"):
        Stream(data, small(), 1).load_state_dict(state)
    with pytest.raises(UserError, match=r"version_00000001.npz is not there"):
        Stream(data, small(), 1, tables=DrawTables(tmp_path, 2)).load_state_dict(state)
    other = Stream(data, small(), 1, tables=DrawTables(tmp_path, 2))
    for version in (1, 2):
        other.write_table(2 * version, {name: np.ones(source.samples) for name, source in other.sources.items()})
    with pytest.raises(UserError, match=r"draw_tables\.1"):
        other.load_state_dict(state)


def test_a_table_that_does_not_come_is_named(tables):
    with pytest.raises(UserError, match=r"version_00000009.npz is not there after 0.1 s of waiting.*from step 21 on"):
        tables.read(9, 0.1)


def test_a_damaged_table_is_named(tables, tmp_path):
    damaged = DrawTables(tmp_path, 2)
    for size in (0, 40, -10):
        damaged.path(1).write_bytes(tables.path(1).read_bytes()[:size])
        with pytest.raises(UserError, match=r"version_00000001.npz is damaged"):
            damaged.read(1)
