"""`align train` as it is called, in one process."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from support.learnable import learnable_films
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vatt_harmony.align.config import AlignConfig, NetworkConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import save_sequences
from vatt_harmony.align.train.checkpoint import model_folder
from vatt_harmony.cli import main
from vatt_harmony.config import from_mapping

RECIPE = {"network": {"width": 8}, "train": {"epochs": 3, "batch": 4, "analysis": True}}


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    for split, seed in (("train", 1), ("val", 2)):
        save_sequences(tmp_path / split, learnable_films(4, seed))
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    return tmp_path


def train(folder: Path, *more: str, run: str = "run") -> int:
    data = ["--data.train", str(folder / "train"), "--data.val", str(folder / "val")]
    return main(["align", "train", str(folder / "recipe.yaml"), "--run", str(folder / run), *data, *more])


def lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_its_options_figures_and_aligner(prepared, capsys):
    assert train(prepared) == 0
    run, out = prepared / "run", capsys.readouterr()
    assert from_mapping(AlignConfig, yaml.safe_load((run / "config.yaml").read_text())).train.epochs == 3
    assert [line["epoch"] for line in lines(run)] == [1, 2, 3]
    assert NeuMatch.from_pretrained(model_folder(run)).dims == (6, 6)
    assert str(model_folder(run)) in out.out.replace("\n", "") and "epoch 3/3" in out.err
    board = EventAccumulator(str(run / "tensorboard")).Reload()
    assert {"train/loss", "validation/accuracy", "movement/head", "gap/loss"} <= set(board.Tags()["scalars"])
    assert board.Tags()["images"] == ["analysis"] and (run / "analysis.png").is_file()


@pytest.mark.parametrize(("action", "matched"), [("PC", 0), ("MRS", 1)])
def test_an_aligner_that_matches_nothing_is_called_so(prepared, capsys, action, matched):
    always = NeuMatch(NetworkConfig(width=8), (6, 6))
    with torch.no_grad():
        always.head.outer.bias[always.actions.index(action)] += 1000
    always.save_pretrained(prepared / "always")
    still = ("--optim.name", "adam", "--optim.lr", "1e-12", "--train.epochs", "1", "--train.analysis", "false")
    assert train(prepared, "--data.start", str(prepared / "always"), *still) == 0
    assert lines(prepared / "run")[0]["validation/matched"] == matched
    told = "collapsed: the aligner gives no clip of the validation films a sentence" in capsys.readouterr().out
    assert told == (matched == 0)


def test_it_goes_on_and_then_says_that_it_is_done(prepared, capsys):
    plain = ("--train.analysis", "false")
    assert train(prepared, *plain, run="whole") == 0
    assert train(prepared, *plain, "--train.epochs", "1") == 0
    assert train(prepared, *plain) == 0
    assert lines(prepared / "run") == lines(prepared / "whole")
    capsys.readouterr()
    assert train(prepared, *plain) == 0
    told = capsys.readouterr()
    assert "trained: epoch" in told.out and "epoch 3/3" not in told.err


def test_a_trained_aligner_is_where_another_begins(prepared, capsys):
    assert train(prepared, "--train.analysis", "false") == 0
    still = ("--optim.name", "adam", "--optim.lr", "1e-12", "--train.epochs", "1", "--train.analysis", "false")
    assert train(prepared, "--data.start", str(prepared / "run"), *still, run="further") == 0
    first, second = (NeuMatch.from_pretrained(model_folder(prepared / each)) for each in ("run", "further"))
    assert all(
        one.equal(other) or (one - other).abs().max() < 1e-6
        for one, other in zip(first.parameters(), second.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data.train", "nowhere"], "holds no prepared sequences"),
        (["--data.start", "nowhere"], "holds no trained aligner"),
        (["--network.wide", "3"], "network.wide"),
    ],
)
def test_mistakes_are_one_message(prepared, capsys, arguments, told):
    assert train(prepared, *arguments) == 2
    assert told in capsys.readouterr().err


def test_other_options_do_not_overwrite_a_run(prepared, capsys):
    assert train(prepared, "--train.epochs", "1", "--train.analysis", "false") == 0
    before = (prepared / "run" / "config.yaml").read_text()
    assert train(prepared, "--optim.lr", "1.0") == 2
    assert "optim.lr" in capsys.readouterr().err
    assert (prepared / "run" / "config.yaml").read_text() == before


def test_without_sequences_nothing_starts(prepared, capsys):
    assert main(["align", "train", str(prepared / "recipe.yaml")]) == 2
    assert "data.train is not given" in capsys.readouterr().err
