"""The stream: one sequence at any number of ranks and workers, resumed exactly, its faults counted."""

import itertools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unit.stream.conftest import clip, make_source, record, small, write_shard
from vatt_harmony.errors import UserError
from vatt_harmony.shards.index import ShardIndex
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.config import DataConfig, SourceConfig
from vatt_harmony.stream.stream import Stream

TENSORS = ("video", "audio", "text", "video_mask", "audio_mask", "text_mask", "seed", "position")


def take(stream: Stream, count: int) -> list[Batch]:
    return list(itertools.islice(stream, count))


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert [b.keys for b in first] == [b.keys for b in second]
    assert [b.drops for b in first] == [b.drops for b in second]
    for one, other in zip(first, second, strict=True):
        for name in TENSORS:
            assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_shapes_and_contents_follow_the_contract(data):
    batch = take(Stream(data, small(), 1), 1)[0]
    assert batch.video.shape == (4, 8, 16, 16, 3) and batch.video.dtype == torch.uint8
    assert batch.audio.shape == (4, 6400) and batch.audio.dtype == torch.float32
    assert batch.text.shape == (4, 3, 4) and batch.text.dtype == torch.int64
    assert batch.video_mask.all() and batch.audio_mask.all()
    assert batch.text_mask.tolist() == [[True, True, False]] * 4
    assert batch.audio.abs().max() > 0.3
    assert batch.position.tolist() == [0, 1, 2, 3]
    assert all(key.startswith(f"{source}/") for key, source in zip(batch.keys, batch.sources, strict=True))
    assert batch.drops == {}


@pytest.mark.parametrize("world_size", [2, 4])
def test_gathered_rows_do_not_depend_on_the_number_of_ranks(data, world_size):
    whole = take(Stream(data, small(), 1), 4)
    parts = [take(Stream(data, small(), 1, rank, world_size), 4) for rank in range(world_size)]
    for step, batch in enumerate(whole):
        for name in TENSORS:
            gathered = torch.cat([getattr(part[step], name) for part in parts])
            assert torch.equal(gathered, getattr(batch, name)), name
        assert [key for part in parts for key in part[step].keys] == batch.keys


def test_workers_change_nothing(data):
    assert_same(take(Stream(data, small(), 1), 5), take(Stream(data, small(workers=2), 1), 5))


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_split_run_is_the_unbroken_run(data, cut):
    """Cuts inside an epoch, at the edge of one (12 of "big" in 4.5 steps) and inside a shuffle window."""
    config = small(shuffle_window=3)
    whole = take(Stream(data, config, 1), 8)
    first = Stream(data, config, 1)
    head = take(first, cut)
    state = json.loads(json.dumps(first.state_dict()))
    assert state["position"] == cut * 4
    second = Stream(data, replace(config, workers=1 if cut == 3 else 0), 1)
    second.load_state_dict(state)
    assert_same(whole, head + take(second, 8 - cut))


def test_a_state_saved_by_one_rank_is_resumed_by_two(data):
    first = Stream(data, small(), 1)
    take(first, 2)
    whole = take(first, 1)[0]
    state = {**first.state_dict(), "position": 8}
    keys = []
    for rank in range(2):
        part = Stream(data, small(), 1, rank, 2)
        part.load_state_dict(state)
        keys += take(part, 1)[0].keys
    assert keys == whole.keys


def test_state_describes_what_was_handed_out_not_what_workers_prefetched(data):
    stream = Stream(data, small(workers=2, prefetch=4), 1)
    take(stream, 1)
    assert stream.state_dict()["position"] == 4


@pytest.mark.parametrize(
    ("change", "field"), [({"global_batch": 8}, "global_batch"), ({"shuffle_window": 7}, "shuffle_window")]
)
def test_a_foreign_state_is_refused_by_field_and_values(data, change, field):
    state = Stream(data, small(), 1).state_dict()
    with pytest.raises(UserError, match=field) as caught:
        Stream(data, small(**change), 1).load_state_dict(state)
    assert str(change[field]) in str(caught.value) and str(state[field]) in str(caught.value)


def test_another_seed_version_or_changed_shards_are_refused(data, tmp_path):
    stream = Stream(data, small(), 1)
    with pytest.raises(UserError, match="seed is 2, the checkpoint's 1"):
        Stream(data, small(), 2).load_state_dict(stream.state_dict())
    with pytest.raises(UserError, match="version is 1, the checkpoint's 9"):
        stream.load_state_dict({**stream.state_dict(), "version": 9})
    other = replace(data, sources={**data.sources, "little": make_source(tmp_path, "little", 1, 5)})
    with pytest.raises(UserError, match=r"digests\.little"):
        Stream(other, small(), 1).load_state_dict(stream.state_dict())


def test_a_batch_that_ranks_cannot_share_is_refused_with_the_arithmetic(data):
    with pytest.raises(UserError, match=r"4 / 3 ranks = 1\.33.*3 or 6"):
        Stream(data, small(), 1, 0, 3)


def test_the_sum_of_an_epoch_is_every_clip_once(data):
    only = DataConfig(sources={"big": data.sources["big"]}, vocabulary=64)
    keys = [key for batch in take(Stream(only, small(), 1), 6) for key in batch.keys]
    assert len(set(keys[:12])) == 12 and set(keys[12:]) == set(keys[:12])
    assert keys[12:] != keys[:12]


def test_draws_change_from_epoch_to_epoch(data):
    only = DataConfig(sources={"big": data.sources["big"]}, vocabulary=64)
    batches = take(Stream(only, small(), 1), 6)
    rows = [(k, v) for b in batches for k, v in zip(b.keys, b.audio, strict=True)]
    first, again = (v for k, v in rows if k == rows[0][0])
    assert not torch.equal(first, again)


def broken_source(folder: Path, good: int, bad: int) -> DataConfig:
    rows = {f"g{n}": {"mp4": clip(n), "json": record("s", ["a word"])} for n in range(good)}
    rows |= {f"b{n}": {"mp4": b"this is text", "txt": b"a word"} for n in range(bad)}
    write_shard(folder / "s-000000.tar", rows)
    return DataConfig(sources={"s": SourceConfig(shards=str(folder))}, vocabulary=64)


def test_broken_samples_are_replaced_counted_and_told_once(tmp_path, caplog):
    data = broken_source(tmp_path, good=4, bad=4)
    stream = Stream(data, small(), 1)
    batches = take(stream, 6)
    assert all(key.startswith("s/g") for batch in batches for key in batch.keys)
    assert all(batch.video_mask.all() for batch in batches)
    total = sum(batch.drops.get("s/container open", 0) for batch in batches)
    assert total == stream.ledger.totals["s/container open"] >= 12
    told = [entry.getMessage() for entry in caplog.records]
    assert len(told) == 1 and "s-000000.tar" in told[0] and "b" in told[0]


def test_replacements_are_pure(tmp_path):
    data = broken_source(tmp_path, good=4, bad=4)
    whole = take(Stream(data, small(), 1), 5)
    assert_same(whole, take(Stream(data, small(workers=2), 1), 5))
    late = Stream(data, small(), 1)
    late.step = 3
    assert_same(whole[3:], take(late, 2))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_source_that_yields_nothing_raises_with_the_ledger(tmp_path, workers):
    data = replace(broken_source(tmp_path, good=0, bad=5), tokenizer="")
    stream = Stream(data, small(workers=workers), 1)
    with pytest.raises(UserError, match=r"100 samples of source 's'.*s/container open: 100"):
        take(stream, 1)


def test_an_empty_or_wholly_damaged_source_is_refused_at_the_start(tmp_path):
    (tmp_path / "x-000000.tar").write_bytes(b"no tar at all" * 100)
    data = DataConfig(sources={"x": SourceConfig(shards=str(tmp_path))})
    with pytest.raises(UserError, match="holds no sample"):
        Stream(data, small(), 1)


def test_one_damaged_shard_does_not_stop_a_run(tmp_path):
    source = make_source(tmp_path, "s", shards=3)
    shard = tmp_path / "s" / "s-000001.tar"
    shard.write_bytes(shard.read_bytes()[: 512 * 3 + 100])
    stream = Stream(DataConfig(sources={"s": source}, vocabulary=64), small(), 1)
    assert any("damaged" in line for line in stream.summary())
    assert len({key for batch in take(stream, 4) for key in batch.keys}) == 8


def failing_reads(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    """The first reads of every sample fail as on a file system that hangs."""
    real, seen = ShardReader.read, Counter[str]()

    def read(self: ShardReader, index: ShardIndex, i: int) -> Sample:
        key = index.samples[i].key
        seen[key] += 1
        if seen[key] <= failures:
            raise OSError(5, "Input/output error")
        return real(self, index, i)

    monkeypatch.setattr(ShardReader, "read", read)
    monkeypatch.setattr("vatt_harmony.stream.reader.RETRY_SECONDS", 0)


def test_reads_that_fail_twice_are_repeated(data, monkeypatch):
    expected = take(Stream(data, small(), 1), 2)
    failing_reads(monkeypatch, failures=2)
    assert_same(expected, take(Stream(data, small(), 1), 2))


def test_reads_that_keep_failing_are_counted_and_replaced(data, monkeypatch):
    failing_reads(monkeypatch, failures=3)
    batches = take(Stream(data, small(), 1), 2)
    drops = sum((Counter(batch.drops) for batch in batches), Counter())
    assert set(drops) == {"big/read error", "little/read error"} and all(batch.video_mask.all() for batch in batches)


def test_errors_of_the_program_are_fatal(data, monkeypatch):
    def wrong(*arguments: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr("vatt_harmony.stream.transforms.flip", wrong)
    with pytest.raises(TypeError, match="a bug"):
        take(Stream(data, small(), 1), 1)


def test_missing_modalities_are_masks(tmp_path):
    samples = {
        "mute": {"mp4": clip(1, sound=False), "txt": b"a word"},
        "quiet": {"mp4": clip(2, silent=True), "txt": b"a word"},
        "blind": {"mp4": clip(3, picture=False), "txt": b"a word"},
        "wordless": {"mp4": clip(4), "txt": b"..."},
    }
    write_shard(tmp_path / "m-000000.tar", samples)
    data = DataConfig(sources={"m": SourceConfig(shards=str(tmp_path))}, vocabulary=64)
    batch = take(Stream(data, small(), 1), 1)[0]
    rows = {key: i for i, key in enumerate(batch.keys)}
    assert set(rows) == {f"m/{name}" for name in samples}
    for name, video, audio, text in (
        ("mute", True, False, True),
        ("quiet", True, False, True),
        ("blind", False, True, True),
        ("wordless", True, True, False),
    ):
        row = rows[f"m/{name}"]
        masks = (batch.video_mask[row], batch.audio_mask[row], batch.text_mask[row].any())
        assert tuple(map(bool, masks)) == (video, audio, text), name
        assert video or not batch.video[row].any()
        assert audio or not batch.audio[row].any()
    assert batch.drops == {"m/silent audio": 1}


def test_the_global_generator_of_the_trainer_is_left_alone(data):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    take(Stream(data, small(workers=1), 1), 1)
    assert torch.equal(state, torch.get_rng_state())
