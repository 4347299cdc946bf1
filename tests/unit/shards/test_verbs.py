"""Verify, stats and show, through the command line's own parser."""

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tests.unit.shards.conftest import clip_bytes, write_tar
from vatt_harmony.errors import UserError
from vatt_harmony.media.captions import Caption
from vatt_harmony.shards.cli import add_parser
from vatt_harmony.shards.sample import make_record
from vatt_harmony.shards.stats import count, print_counts
from vatt_harmony.shards.verify import verify


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["shards", *map(str, words)])
    return int(arguments.run_verb(arguments))


def record(end: float = 1.0, captions: list[Caption] | None = None, **facts: float) -> bytes:
    values = {"fps": 10, "frames": 10, "sample_rate": 16000, "samples": 16000, "video_start": 0, "audio_start": 0}
    made = make_record(
        source="s", video_id="v", start=0, end=end, captions=captions or [], facts={"has_audio": True} | values | facts
    )
    return json.dumps(made).encode()


def test_what_was_built_verifies_counts_and_shows(corpus: Callable[..., Path], media: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = corpus({"path": media / "long.mp4", "start": 0.5, "end": 3.3})
    assert run("build", "--manifest", manifest, "--out", out, "--workers", 1, "--json", tmp_path / "b.json") == 0
    assert run("verify", out, "--workers", 1, "--json", tmp_path / "v.json") == 0
    assert run("stats", out, "--workers", 1, "--json", tmp_path / "s.json") == 0
    figures = {f["name"]: f["value"] for f in json.loads((tmp_path / "s.json").read_text())["figures"]}
    assert figures["train/toy clips"] == 6 and figures["train/toy without text"] == 1
    assert figures["train/toy words a caption"] == 3 and figures["test/toy without audio"] == 0
    assert figures["train/toy hours"] * 3600 == pytest.approx(5 * 1.0 + 2.8, abs=0.3)
    assert run("show", out, "--out", tmp_path / "sheet.png", "--samples", 3) == 0
    assert matplotlib.image.imread(tmp_path / "sheet.png").std() > 0


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("a.mp4", "clip"), ("a.json", record(audio_start=0.2))], "desync"),
        ([("a.mp4", "clip"), ("a.json", record(frames=12))], "desync"),
        ([("a.mp4", "clip"), ("a.json", record(sample_rate=14000))], "desync"),
        ([("a.mp4", "clip"), ("a.json", record(captions=[Caption("x", 0.5, 3.0)]))], "caption times"),
        ([("a.mp4", b"this is no film")], "container open"),
        ([("a.mp4", b"")], "container open"),
        ([("a.json", b"{}")], "missing field"),
        ([("a.mp4", "clip"), ("a.json", b"{")], "bad record"),
        ([("a.mp4", "clip"), ("b.mp4", "clip"), ("a.mp4", "clip")], "duplicate key"),
    ],
)
def test_each_fault_has_its_reason(
    tmp_path: Path, clip: bytes, members: list[tuple[str, bytes | str]], reason: str
) -> None:
    data = [(name, clip if content == "clip" else str(content).encode() if isinstance(content, str) else content)
            for name, content in members]  # fmt: skip
    path = write_tar(tmp_path / "s-000000.tar", data)
    assert verify([path], workers=1).problems == {reason: 1}
    assert run("verify", path, "--workers", 1) == 1
    assert run("verify", path, "--workers", 1, "--max-bad", 1) == 0


def test_a_right_record_and_sound_beside_the_picture_are_no_fault(tmp_path: Path, clip: bytes) -> None:
    silent, sound = clip_bytes(audio=False), clip_bytes(video=False)
    image = io.BytesIO()
    Image.fromarray(np.full((32, 32, 3), 99, np.uint8)).save(image, "PNG")
    members = [("a.mp4", clip), ("a.json", record()), ("b.m4a", sound), ("b.mp4", silent), ("b.json", record())]
    verdict = verify([write_tar(tmp_path / "s.tar", [*members, ("c.png", image.getvalue())])], workers=1)
    assert (verdict.samples, verdict.failures, verdict.problems) == (3, 0, {})


def test_a_changed_and_a_damaged_shard_are_failures(corpus: Callable[..., Path], tmp_path: Path) -> None:
    run("build", "--manifest", corpus(), "--out", tmp_path / "out", "--workers", 1)
    shard = tmp_path / "out/train/toy-000000.tar"
    shard.write_bytes(shard.read_bytes()[:-20000])
    problems = verify([shard], workers=1).problems
    assert problems["changed shard"] == 2 and problems["tar damage"] == 1


def test_settings_out_of_range_are_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"fps is 0\.0, outside"):
        run("build", "--manifest", tmp_path / "m.csv", "--out", tmp_path, "--fps", 0)


def test_nothing_to_show_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="None of 1 samples can be decoded"):
        run("show", write_tar(tmp_path / "s.tar", [("a.mp4", b"no film")]), "--out", tmp_path / "x.png")


def test_counts_are_legible_in_80_columns(corpus: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    run("build", "--manifest", corpus({"path": tmp_path / "text.mp4"}), "--out", tmp_path / "out", "--workers", 1)
    told = Console(file=io.StringIO(), width=80)
    print_counts(count(sorted((tmp_path / "out").rglob("*.tar")), workers=1), told)
    assert isinstance(told.file, io.StringIO)
    lines = told.file.getvalue().splitlines()
    assert lines[4] == "train/toy"
    assert lines[5].startswith("  5 clips, ") and lines[5].endswith(" MB in 1 shards")
    assert lines[6:] == [
        "  1.00 captions a clip, 3.0 words a caption",
        "  clips without video 0, audio 0, text 0",
        "  dropped: container open × 1",
    ]
