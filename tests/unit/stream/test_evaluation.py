"""A finite pass: every sample once, in order, the same for all ranks and workers."""

import pytest
import torch

from tests.unit.stream.conftest import clip, small, write_shard
from vatt_harmony.stream.evaluation import evaluation_batches
from vatt_harmony.stream.source import open_one
from vatt_harmony.stream.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer(["colour tone 0 1 2 3 4 5 6 7 8 9"], 64, words=4)


def run(data, **options):
    return list(
        evaluation_batches(data.sources["big"].shards, small(workers=options.pop("workers", 0)), TOKENIZER, **options)
    )


def test_every_sample_once_in_order_and_the_rest_is_padding(data):
    batches = run(data, rows=5, name="big")
    assert [len(batch) for batch in batches] == [5, 5, 5]
    keys = [key for batch in batches for key in batch.keys]
    assert keys == [f"big/big{n:03d}" for n in range(12)] + [""] * 3
    last = batches[-1]
    assert last.position.tolist() == [10, 11, -1, -1, -1]
    for mask in (last.video_mask, last.audio_mask, last.text_mask.any(-1)):
        assert mask.tolist() == [True, True, False, False, False]


def test_windows_follow_each_other_and_a_limit_holds(data):
    batches = run(data, rows=4, windows=2, limit=3, name="big")
    keys = [key for batch in batches for key in batch.keys]
    assert keys == [f"big/big{n // 2:03d}" for n in range(6)] + [""] * 2


@pytest.mark.parametrize("options", [{}, {"windows": 3}])
def test_two_ranks_take_equal_steps_and_the_same_rows(data, options):
    whole = run(data, rows=10, **options)
    parts = [run(data, rows=5, rank=rank, world_size=2, **options) for rank in range(2)]
    assert len(parts[0]) == len(parts[1]) == len(whole)
    for step, batch in enumerate(whole):
        for name in ("video", "audio", "text", "position", "video_mask"):
            assert torch.equal(torch.cat([getattr(part[step], name) for part in parts]), getattr(batch, name))


def test_a_pass_repeats_itself_with_workers_too(data):
    for first, again in zip(run(data, rows=5), run(data, rows=5, workers=2), strict=True):
        assert first.keys == again.keys
        assert torch.equal(first.video, again.video) and torch.equal(first.audio, again.audio)


def test_a_broken_sample_keeps_its_place_without_a_modality(tmp_path):
    rows = {"a": {"mp4": clip(0), "txt": b"tone"}, "b": {"mp4": b"text"}, "c": {"mp4": clip(1), "txt": b"tone"}}
    write_shard(tmp_path / "x-000000.tar", rows)
    (batch,) = evaluation_batches(str(tmp_path), small(), TOKENIZER, rows=3, name="x")
    assert batch.video_mask.tolist() == batch.audio_mask.tolist() == [True, False, True]
    assert batch.position.tolist() == [0, 1, 2]
    assert batch.drops == {"x/container open": 1}


def test_an_opened_source_is_evaluated_again_without_opening_its_shards(data, monkeypatch):
    first = run(data, rows=5, name="big")
    source = open_one("big", data.sources["big"].shards)
    monkeypatch.setattr("vatt_harmony.stream.evaluation.open_one", lambda *arguments: pytest.fail("opened again"))
    for one, other in zip(first, evaluation_batches(source, small(), TOKENIZER, rows=5), strict=True):
        assert one.keys == other.keys and torch.equal(one.video, other.video)
