"""Building shards: readable by others, restartable, and the same bytes every time."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import webdataset as wds
from PIL import Image

from tests.unit.shards.conftest import clip_bytes, truncated, write_csv
from vatt_harmony.errors import UserError
from vatt_harmony.media.captions import Caption
from vatt_harmony.shards import build as build_module
from vatt_harmony.shards.build import build
from vatt_harmony.shards.index import index_shard, open_source
from vatt_harmony.shards.ledger import read_stats
from vatt_harmony.shards.plan import BuildSettings
from vatt_harmony.shards.reader import ShardReader
from vatt_harmony.shards.verify import verify

Corpus = Callable[..., Path]
SMALL = BuildSettings(samples_per_shard=2)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(tar.relative_to(folder)): hashlib.sha256(tar.read_bytes()).hexdigest()
        for tar in sorted(folder.rglob("*.tar"))
    }


def test_plain_webdataset_and_tar_read_what_was_built(corpus: Corpus, media: Path, tmp_path: Path) -> None:
    report = build(corpus(), tmp_path / "out", workers=1)
    assert report.total.samples == 6 and not report.total.drops
    shard = tmp_path / "out" / "train" / "toy-000000.tar"
    samples = list(wds.WebDataset(str(shard), shardshuffle=False))
    assert sorted(s["__key__"] for s in samples) == [f"v{i}" for i in range(5)]
    for sample in samples:
        key = sample["__key__"]
        assert sample["mp4"] == (media / f"{key}.mp4").read_bytes()
        record = json.loads(sample["json"])
        assert record["version"] == 1 and record["video_id"] == key and record["source"] == "toy"
        assert sample["txt"].decode() == f"tone number {key[1]}" == record["captions"][0]["text"]
        assert record["captions"][0]["end"] == pytest.approx(record["end"] - record["start"])
    listing = subprocess.run(["tar", "-tf", shard], capture_output=True, text=True, check=True).stdout.split()
    assert len(listing) == 15 and "v0.mp4" in listing
    assert json.loads((shard.parent / "sizes.json").read_text()) == {shard.name: 5}


def test_a_cut_clip_keeps_its_place_and_its_captions_shift(media: Path, tmp_path: Path) -> None:
    captions = [{"text": "before", "start": 0, "end": 0.9}, {"text": "inside", "start": 1.5, "end": 9}, "whole"]
    row = {"path": media / "long.mp4", "captions": json.dumps(captions), "start": 1, "end": 3, "label": "tone"}
    build(write_csv(tmp_path / "cuts.csv", [row]), tmp_path / "out", workers=1)
    index = index_shard(tmp_path / "out/train/cuts-000000.tar")
    sample = ShardReader().read(index, 0)
    assert sample.name == "cuts/long_00001000_00003000"
    assert sample.record["label"] == "tone" and (sample.record["start"], sample.record["end"]) == (1, 3)
    assert sample.record["frames"] == 20 and sample.record["fps"] == 10
    assert [(c.text, c.start, c.end) for c in sample.captions] == [("inside", 0.5, 2.0), ("whole", 0.0, 2.0)]


def test_an_interrupted_build_ends_in_the_bytes_of_an_unbroken_one(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = corpus()
    build(manifest, tmp_path / "whole", SMALL, workers=1)
    calls = 0
    real = build_module.store_clip

    def dies(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 5:  # in the middle of the third shard
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(build_module, "store_clip", dies)
    with pytest.raises(KeyboardInterrupt):
        build(manifest, tmp_path / "broken", SMALL, workers=1)
    monkeypatch.undo()
    assert len(digests(tmp_path / "broken")) == 2
    report = build(manifest, tmp_path / "broken", SMALL, workers=1)
    assert report.kept == 2
    assert digests(tmp_path / "broken") == digests(tmp_path / "whole")
    assert not list((tmp_path / "broken").rglob("*.tmp"))


def test_a_killed_build_goes_on_where_it_stopped(corpus: Corpus, tmp_path: Path) -> None:
    manifest, one = corpus(), BuildSettings(samples_per_shard=1, reencode="always")
    code = (
        "import sys; from pathlib import Path; from vatt_harmony.shards.build import build, BuildSettings\n"
        "build(Path(sys.argv[1]), Path(sys.argv[2]), BuildSettings(samples_per_shard=1, reencode='always'), 1)"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, manifest, tmp_path / "killed"], stderr=subprocess.DEVNULL)
    while killed.poll() is None and not list((tmp_path / "killed").rglob("*.stats.json")):
        time.sleep(0.002)
    killed.kill()
    killed.wait()
    assert build(manifest, tmp_path / "killed", one, workers=1).kept >= 1
    build(manifest, tmp_path / "whole", one, workers=1)
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")


def test_workers_do_not_change_a_byte(corpus: Corpus, tmp_path: Path) -> None:
    manifest = corpus()
    build(manifest, tmp_path / "one", SMALL, workers=1)
    build(manifest, tmp_path / "two", SMALL, workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_changed_manifest_rebuilds_and_removes_what_is_left_over(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(corpus(), out, SMALL, workers=1)
    assert len(open_source(str(out / "train"))) == 3
    report = build(corpus(), out, BuildSettings(samples_per_shard=5), workers=1)
    assert report.kept == 0 and [p.name for p in open_source(str(out / "train"))] == ["toy-000000.tar"]
    assert not list(out.rglob("toy-000001*"))


def test_bad_media_are_counted_and_left_out(corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.mp4").write_text("this is no film")
    (tmp_path / "cut.mp4").write_bytes(truncated(clip_bytes(3.0), tmp_path))
    (tmp_path / "blink.mp4").write_bytes(clip_bytes(0.2))
    (tmp_path / "bad.srt").write_text("1\n00:00:05,000 --> 00:00:01,000\nback in time\n")
    bad = [{"path": tmp_path / name} for name in ("text.mp4", "cut.mp4", "blink.mp4")]
    times = {"path": tmp_path / "blink.mp4", "video_id": "b", "start": 0, "end": 9}
    captions = {"path": corpus().parent / "copy.mp4", "captions_path": tmp_path / "bad.srt"}
    (tmp_path / "copy.mp4").write_bytes(clip_bytes())
    report = build(corpus(*bad, times, captions), tmp_path / "out", workers=1)
    assert report.total.samples == 6
    assert report.total.drops == {"too short": 2, "container open": 1, "decode error": 1, "bad captions": 1}
    assert "dropped, container open: text, row 8" in " ".join(capsys.readouterr().err.split())
    stats = read_stats(tmp_path / "out/train/toy-000000.tar")
    assert stats is not None and stats.drops == report.total.drops


def test_a_truncated_file_is_not_looped_into_a_cut(media: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(truncated(clip_bytes(4.0, fps=25.0), tmp_path))
    rows = [{"path": p, "start": 0, "end": 3.5} for p in (media / "long.mp4", tmp_path / "cut.mp4")]
    report = build(write_csv(tmp_path / "m.csv", rows), tmp_path / "out", workers=1)
    assert (report.total.samples, report.total.drops) == (1, {"decode error": 1})


def test_a_still_picture_is_stored_as_it_is(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg", "c.bmp"):
        Image.fromarray(np.full((48, 64, 3), 99, np.uint8)).save(tmp_path / name)
    rows = [{"path": name, "caption": f"a picture {name}"} for name in ("a.png", "b.jpg", "c.bmp")]
    report = build(write_csv(tmp_path / "m.csv", rows), tmp_path / "out", BuildSettings(clip_seconds=10), workers=1)
    assert (report.total.samples, report.total.drops) == (2, {"no video stream": 1}) and not report.total.remarks
    shard = tmp_path / "out/train/m-000000.tar"
    for sample in (ShardReader().read(index_shard(shard), i) for i in range(2)):
        extension = {"a": "png", "b": "jpg"}[sample.key]
        assert sample.image == (tmp_path / f"{sample.key}.{extension}").read_bytes() and sample.video is None
        assert sample.captions == [Caption(f"a picture {sample.key}.{extension}", 0.0, 0.0)]
        assert (sample.record["height"], sample.record["width"], sample.record["has_audio"]) == (48, 64, False)
    assert verify([shard], workers=1).failures == 0


def test_nothing_left_is_an_error_that_names_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no film")
    with pytest.raises(UserError, match=r"None of the 1 clips.*container open × 1"):
        build(write_csv(tmp_path / "m.csv", [{"path": "text.mp4"}]), tmp_path / "out", workers=1)


def test_sound_alone_keeps_its_file_type_or_becomes_m4a(tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(clip_bytes(2.0, video=False))
    rows = [{"path": "a.m4a"}, {"path": "a.m4a", "start": 0.5, "end": 1.5}]
    build(write_csv(tmp_path / "m.csv", rows), tmp_path / "out", workers=1)
    index = index_shard(tmp_path / "out/train/m-000000.tar")
    samples = [ShardReader().read(index, i) for i in range(2)]
    assert all(s.video is None and s.audio for s in samples)
    assert sorted(s.key for s in samples) == ["a", "a_00000500_00001500"]
