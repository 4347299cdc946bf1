import io
import json
import tarfile
from pathlib import Path

import pytest

from vatt_harmony.conflicts.locate import locate, shards_of
from vatt_harmony.errors import UserError
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.stream.config import DataConfig, SourceConfig


def shard(path: Path, *samples: tuple[str, str | None, str]) -> Path:
    """A tar of samples (key, source of their record or None for a plain text, caption); the media are a byte each."""
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for key, source, caption in samples:
            words = {"txt": caption.encode()}
            if source is not None:
                record = {"version": 1, "source": source, "captions": [{"text": caption}]}
                words = {"json": json.dumps(record).encode()}
            for extension, content in {"mp4": b"x", **words}.items():
                header = tarfile.TarInfo(f"{key}.{extension}")
                header.size = len(content)
                tar.addfile(header, io.BytesIO(content))
    return path


def captions(keys: list[str], shards: list[tuple[str, Path]]) -> dict[int, list[str]]:
    return {row: place.captions for row, place in locate(keys, shards, ShardReader()).items()}


def test_a_key_is_its_records_source_or_else_the_configurations(tmp_path):
    both = shard(tmp_path / "x-000000.tar", ("1", "a", "one of a"), ("2", "b", "two of b"), ("3", None, "three"))
    keys = ["b/2", "a/1", "a/2", "mine/3"]
    assert captions(keys, [("mine", both)]) == {0: ["two of b"], 1: ["one of a"], 3: ["three"]}


def test_equal_keys_of_two_sources_stay_apart(tmp_path):
    first = shard(tmp_path / "one" / "x-000000.tar", ("7", "a", "of a"))
    second = shard(tmp_path / "two" / "x-000000.tar", ("7", "b", "of b"))
    assert captions(["a/7", "b/7"], [("", first), ("", second)]) == {0: ["of a"], 1: ["of b"]}


def test_keys_with_folders_and_shards_given_without_a_name(tmp_path):
    plain = shard(tmp_path / "x-000000.tar", ("deep/er/4", None, "four"))
    assert captions(["web/deep/er/4"], [("", plain)]) == {0: ["four"]}


def test_shards_that_moved_and_shards_of_another_run(tmp_path):
    data = DataConfig(sources={"made": SourceConfig(shards=str(tmp_path / "gone"))})
    with pytest.raises(UserError, match=r"gone does not exist.*name the shards: conflicts report RUN SHARDS"):
        shards_of(data, [])
    other = shard(tmp_path / "x-000000.tar", ("1", "other", "text"))
    assert shards_of(data, [str(other)]) == [("", other)]
    with pytest.raises(UserError, match=r"None of the 1 clips of the ledger.*the first is made/1"):
        locate(["made/1"], [("made", other)], ShardReader())
