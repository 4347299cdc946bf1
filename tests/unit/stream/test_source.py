"""Opening a source keeps little of it; indexes are read when needed and must be those of the shards opened."""

import json
import pickle
import tarfile
from pathlib import Path

import pytest

from tests.unit.stream.conftest import small, write_shard
from vatt_harmony.errors import UserError
from vatt_harmony.shards.index import drop_index
from vatt_harmony.stream import source as source_module
from vatt_harmony.stream.order import Place
from vatt_harmony.stream.reader import SourceReader
from vatt_harmony.stream.source import open_one
from vatt_harmony.stream.step import StepMaker
from vatt_harmony.stream.tokenizer import train_tokenizer


def indexed_shard(path: Path, samples: int) -> None:
    """A shard of no content whose cached index tells of many samples."""
    tarfile.open(path, "w").close()
    open_status = path.stat()
    names = [f"{path.stem}-{i:09d}" for i in range(samples)]
    entries = [[key, [[f"{key}.mp4", i << 20, 1 << 19], [f"{key}.json", i << 20, 300]]] for i, key in enumerate(names)]
    value = {"version": 1, "size": open_status.st_size, "mtime_ns": open_status.st_mtime_ns, "digest": path.stem}
    cache = path.with_name(path.name + ".index.json")
    cache.write_text(json.dumps(value | {"damage": "", "samples": entries}))


def test_a_worker_receives_shards_not_samples(tmp_path):
    for number in range(10):
        indexed_shard(tmp_path / f"s-{number}.tar", 1000)
    source = open_one("s", str(tmp_path))
    assert source.samples == 10_000 and source.locate(4321) == (4, 321)
    maker = StepMaker({"s": source}, small(), 1, 0, 1, train_tokenizer(["a word"], 64))
    assert len(pickle.dumps(source)) < source.samples and len(pickle.dumps(maker)) < source.samples
    assert source.shards[4].index().samples[321].key == "s-4-000000321"


def test_indexes_held_are_bounded(tmp_path):
    assert source_module._load_index.cache_parameters()["maxsize"] == source_module.INDEXES_HELD
    write_shard(tmp_path / "s-0.tar", {"a": {"txt": b"a word"}})
    shard = open_one("s", str(tmp_path)).shards[0]
    assert shard.index() is shard.index()


def test_a_shard_exchanged_after_opening_is_refused_and_one_without_cache_is_indexed_again(tmp_path):
    write_shard(tmp_path / "s-0.tar", {"a": {"txt": b"a word"}})
    first, second = (open_one("s", str(tmp_path)).shards[0] for _ in range(2))
    drop_index(first.path)
    assert first.index().samples[0].key == "a"
    source_module._load_index.cache_clear()
    drop_index(first.path)
    write_shard(tmp_path / "s-0.tar", {"b": {"txt": b"a word"}})
    with pytest.raises(UserError, match=r"s-0\.tar changed since it was indexed"):
        second.index()


def test_where_no_cache_can_be_written_the_index_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("vatt_harmony.shards.index._store", lambda index: None)
    write_shard(tmp_path / "s-0.tar", {"a": {"txt": b"a word"}})
    shard = pickle.loads(pickle.dumps(open_one("s", str(tmp_path)))).shards[0]
    shard.path.unlink()
    assert shard.index().samples[0].key == "a"


def test_a_shard_that_vanished_is_a_read_error(tmp_path, monkeypatch):
    monkeypatch.setattr("vatt_harmony.stream.reader.RETRY_SECONDS", 0)
    write_shard(tmp_path / "s-0.tar", {"a": {"txt": b"a word"}})
    source = open_one("s", str(tmp_path))
    drop_index(source.shards[0].path)
    source.shards[0].path.unlink()
    example, drops = SourceReader({"s": source}).example(Place("s", 0, 0), lambda sample, key: pytest.fail(key))
    assert example is None and [drop.reason for drop in drops] == ["read error"]


def test_duplicate_keys_are_told_once_with_the_first(tmp_path, caplog):
    write_shard(tmp_path / "s-0.tar", {"a": {"txt": b"x"}, "b": {"txt": b"x"}, "c": {"txt": b"x"}})
    write_shard(tmp_path / "s-1.tar", {"d": {"txt": b"x"}, "b": {"txt": b"x"}, "a": {"txt": b"x"}})
    for _ in range(2):
        open_one("s", str(tmp_path))
    (told,) = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert "2 of 6 keys" in told and "'b' again in s-1.tar" in told
