"""The command lines of `evaluate retrieval` and `embed`."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.exports import make_export, write_clip, write_shard

from vatt_harmony.downstream.cli import add_parsers
from vatt_harmony.errors import UserError


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_export(tmp_path_factory.mktemp("export"))[1]


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_parsers(parser.add_subparsers(required=True))
    options = parser.parse_args([str(argument) for argument in arguments])
    return int(options.run_verb(options))


def test_retrieval_prints_and_writes(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = write_shard(tmp_path / "made-000.tar", 4, tmp_path)
    common = ("--workers", 0, "--batch", 2, "--windows", 2, "--device", "cpu")
    assert run("evaluate", "retrieval", exported, shard, "--json", tmp_path / "figures.json", *common) == 0
    printed = capsys.readouterr().out
    assert "text to video" in printed and "n/a" in printed
    figures = {row["id"]: row for row in json.loads((tmp_path / "figures.json").read_text())["figures"]}
    assert figures["retrieval.text_to_video.R@5"]["value"] == 1.0
    assert figures["retrieval.text_to_video.R@1"]["n"] == 3  # the fourth sample is damaged
    assert figures["retrieval.audio_to_text.R@1"]["value"] is None
    assert run("evaluate", "retrieval", exported, shard, "--shuffle-frames", 1, *common) == 0


def test_retrieval_without_a_pair_is_told(exported: Path, tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "made-000.tar", 1, tmp_path)
    with pytest.raises(UserError, match="two modalities"):
        run("evaluate", "retrieval", exported, shard, "--workers", 0, "--device", "cpu")


def test_embed_prints_counts_and_fails_when_nothing_could_be_read(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "clip.mp4", 0)
    assert run("embed", exported, tmp_path / "clip.mp4", "--out", tmp_path / "out", "--json", tmp_path / "f.json") == 0
    assert "clips embedded" in capsys.readouterr().out and (tmp_path / "f.json").is_file()
    (tmp_path / "text.mp4").write_text("not a film")
    said = ("--out", tmp_path / "other", "--json", tmp_path / "g.json")
    assert run("embed", exported, tmp_path / "text.mp4", *said) == 1
    printed = capsys.readouterr().out
    assert f"first container open: {tmp_path / 'text.mp4'}" in printed and "goal" not in printed
    names = [row["name"] for row in json.loads((tmp_path / "g.json").read_text())["figures"]]
    assert f"failed: container open (first {tmp_path / 'text.mp4'})" in names


def test_libraries_are_quiet(exported: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 0)
    (tmp_path / "text.mp4").write_text("not a film")
    environment = {name: value for name, value in os.environ.items() if name != "DS_ACCELERATOR"}
    command = [sys.executable, "-m", "vatt_harmony", "embed", exported, tmp_path / "clip.mp4", tmp_path / "text.mp4"]
    command += ["--out", tmp_path / "out", "--device", "cpu"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "accelerator" not in done.stdout


def test_numbers_are_checked(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("embed", exported, "x.mp4", "--out", "out", "--windows", 0)
    assert "0 is not at least 1" in capsys.readouterr().err


def test_unknown_device_is_told(exported: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 0)
    with pytest.raises(UserError, match="'abacus' cannot be used"):
        run("embed", exported, tmp_path / "clip.mp4", "--out", tmp_path / "out", "--device", "abacus")
