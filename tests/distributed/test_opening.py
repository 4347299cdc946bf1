"""Shards that were never indexed are read by one rank; the others wait and use its index, or share its error."""

import time
from pathlib import Path

from support.ranks import run_ranks

from tests.unit.stream.conftest import write_shard
from vatt_harmony.errors import UserError
from vatt_harmony.shards import index
from vatt_harmony.stream.config import DataConfig, SourceConfig, StreamConfig
from vatt_harmony.stream.stream import Stream
from vatt_harmony.stream.tokenizer import train_tokenizer


def open_stream(rank: int, world_size: int, folder: Path) -> tuple[int, str]:
    built, build = [], index.build_index

    def slowly(path: Path) -> index.ShardIndex:
        built.append(path)
        time.sleep(0.2)
        return build(path)

    index.build_index = slowly
    data = DataConfig(sources={"s": SourceConfig(shards=str(folder))})
    tokenizer = train_tokenizer(["a word"], 16)
    try:
        stream = Stream(data, StreamConfig(global_batch=world_size, workers=0), 0, rank, world_size, tokenizer)
    except UserError as error:
        return len(built), str(error)
    return len(built), stream.sources["s"].digest


def test_only_the_first_rank_indexes(tmp_path: Path) -> None:
    for number in range(3):
        write_shard(tmp_path / "shards" / f"s-{number}.tar", {f"k{number}": {"txt": b"a word"}})
    (first, digest), *others = run_ranks(open_stream, 3, tmp_path / "ranks", tmp_path / "shards")
    assert first == 3 and others == [(0, digest)] * 2


def test_an_error_of_the_first_rank_is_raised_on_all(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    told = run_ranks(open_stream, 2, tmp_path / "ranks", tmp_path / "shards")
    assert told[0] == told[1] and "holds no .tar files" in told[0][1]
