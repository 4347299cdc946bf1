"""Batches come in parts from workers: the same rows in the same order, and a bound on what is in flight."""

import itertools
from types import SimpleNamespace

import pytest
import torch

from tests.unit.stream.conftest import small
from vatt_harmony.stream import parts
from vatt_harmony.stream.batch import TENSORS, join
from vatt_harmony.stream.stream import Stream


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 70, 256])
def test_parts_are_all_rows_once_and_small(rows):
    found = parts.cut(rows)
    assert [row for part in found for row in part] == list(range(rows))
    assert max(map(len, found)) <= 32 and max(map(len, found)) - min(map(len, found)) <= 1


def test_workers_prepare_at_least_one_batch():
    assert parts.ahead(256, small(workers=12, prefetch=2)) == 2
    assert parts.ahead(256, small(workers=2, prefetch=2)) == 4


@pytest.mark.parametrize(("rank", "world_size"), [(0, 1), (1, 2)])
def test_assembled_batches_are_those_made_at_once(data, rank, world_size):
    """70 rows are three parts and 35 two; neither is a multiple of the number of workers' parts ahead."""
    config = {"global_batch": 70, "size": 8, "frames": 2}
    whole = Stream(data, small(**config), 1, rank, world_size)
    assembled = Stream(data, small(workers=2, **config), 1, rank, world_size)
    for one, other in itertools.islice(zip(whole, assembled, strict=True), 3):
        assert one.keys == other.keys and one.sources == other.sources and one.drops == other.drops
        assert len(one) == 70 // world_size
        for name in TENSORS:
            assert torch.equal(getattr(one, name), getattr(other, name)), name
    assert assembled.state_dict() == whole.state_dict()


def test_drops_of_parts_are_added(data):
    made = Stream(data, small(), 1).maker
    first, second = (made(0, range(start, start + 2)).batch for start in (0, 2))
    first.drops["s/a"], second.drops["s/a"], second.drops["s/b"] = 2, 1, 1
    joined = join([first, second], 4)
    assert joined.drops == {"s/a": 3, "s/b": 1} and joined.keys == made(0, range(4)).batch.keys


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_batches_of_workers_are_pinned(data):
    assert next(iter(Stream(data, small(workers=1), 1))).video.is_pinned()


def test_the_summary_tells_what_is_in_flight_and_warns_where_it_does_not_fit(data, monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    monkeypatch.setattr(parts.shutil, "disk_usage", lambda path: SimpleNamespace(free=2 * 10**9))
    config = small(frames=32, size=224, global_batch=512, workers=12)
    lines = Stream(data, config, 1, 0, 8).summary()
    told = next(line for line in lines if line.startswith("in flight"))
    assert (
        "(12 workers x 2 + 1) parts x 32 rows x 4.92 MB = 3.94 GB" in told
        and "a rank, x 8 ranks" in told
        and "2.00 GB free" in told
    )
    (warning,) = [line for line in lines if line.startswith("warning")]
    assert "/dev/shm" in warning and "bus error" in warning and "--shm-size" in warning
    assert not any(line.startswith(("in flight", "warning")) for line in Stream(data, small(), 1).summary())
