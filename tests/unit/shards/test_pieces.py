"""Long videos cut into clips, and what is told of captions and clips that nobody would miss."""

import json
from pathlib import Path

import pytest

from tests.unit.shards.conftest import write_csv
from tests.unit.shards.test_verbs import run
from vatt_harmony.media.captions import Caption
from vatt_harmony.shards import clip as clip_module
from vatt_harmony.shards.clip import place_captions
from vatt_harmony.shards.index import index_shard
from vatt_harmony.shards.ledger import read_stats
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.sample import Sample


def samples_of(shard: Path) -> dict[str, Sample]:
    index = index_shard(shard)
    samples = [ShardReader().read(index, i) for i in range(len(index))]
    return {sample.key: sample for sample in samples}


def test_a_long_video_becomes_clips_with_their_captions(media: Path, tmp_path: Path) -> None:
    captions = [{"text": "early", "start": 0.2, "end": 0.9}, {"text": "late", "start": 3.2, "end": 3.9}, "always"]
    rows = [
        {"path": media / "long.mp4", "captions": json.dumps(captions)},
        {"path": media / "v0.mp4", "caption": "short"},
        {"path": media / "long.mp4", "start": 0, "end": 4, "captions": json.dumps(["given"])},
    ]
    manifest = write_csv(tmp_path / "films.csv", rows)
    assert run("build", "--manifest", manifest, "--out", tmp_path, "--clip-seconds", 1.5, "--workers", 1) == 0
    samples = samples_of(tmp_path / "train/films-000000.tar")
    pieces = {
        "long_00000000_00001500": [("early", 0.2), ("always", 0.0)],
        "long_00001500_00003000": [("always", 0.0)],
        "long_00003000_00004000": [("late", 0.2), ("always", 0.0)],
    }
    assert sorted(samples) == sorted([*pieces, "long_00000000_00004000", "v0"])
    for key, expected in pieces.items():
        assert [(c.text, c.start) for c in samples[key].captions] == expected
    assert sum(samples[key].record["frames"] for key in pieces) == 40
    stats = read_stats(tmp_path / "train/films-000000.tar")
    assert stats is not None and not stats.remarks


def test_what_remains_of_less_than_half_a_second_is_left_out(media: Path, tmp_path: Path) -> None:
    manifest = write_csv(tmp_path / "films.csv", [{"path": media / "long.mp4"}])
    assert run("build", "--manifest", manifest, "--out", tmp_path, "--clip-seconds", 1.9, "--workers", 1) == 0
    assert len(samples_of(tmp_path / "train/films-000000.tar")) == 2


def test_captions_outside_and_long_clips_are_told(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "long.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nbefore\n")
    late = json.dumps([{"text": "late", "start": 90, "end": 91}])
    rows = [
        {"path": media / "v0.mp4", "captions": late},
        {"path": media / "long.mp4", "captions": late, "video_id": "one"},
        {"path": media / "long.mp4", "start": 1, "end": 3, "captions_path": tmp_path / "long.srt"},
    ]
    manifest = write_csv(tmp_path / "films.csv", rows)
    monkeypatch.setattr(clip_module, "LONG_SECONDS", 3.5)
    build = ("build", "--manifest", manifest, "--out", tmp_path, "--workers", 1)
    assert run(*build) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "2 captions lie wholly outside their clips" in told and "3 of 3 clips have no caption" in told
    assert "every window reads the whole stored clip; use --clip-seconds 10" in told
    assert run(*build, "--clip-seconds", 2) == 0
    assert "2 captions lie wholly outside their clips" in " ".join(capsys.readouterr().out.split())
    stats = read_stats(tmp_path / "train/films-000000.tar")
    assert stats is not None and stats.remarks["caption outside the clip"] == 2


def test_a_cue_without_length_inside_the_clip_is_kept() -> None:
    cues = [Caption("at", 2.0, 2.0), Caption("first", 1.0, 1.0), Caption("end", 3.0, 3.0), Caption("before", 0.5, 0.5)]
    assert place_captions(cues, 1.0, 3.0) == [Caption("at", 1.0, 1.0), Caption("first", 0.0, 0.0)]
