"""`conflicts calibrate` on a tiny run and its shards."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file
from support.exports import SENTENCES
from support.runs import tiny_recipe

from vatt_harmony.config import load_config, to_mapping
from vatt_harmony.conflicts.calibrate import calibrate_verb
from vatt_harmony.conflicts.cli import add_parsers
from vatt_harmony.conflicts.signal_steps import measure, variants
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.parts import build_model, model_config
from vatt_harmony.errors import UserError
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.scale.tiny import random_batch, tiny_config, tiny_model, tiny_specific
from vatt_harmony.stream.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder as the trainer leaves it, weights fresh, with a dropout that a replay could not repeat."""
    folder = tmp_path_factory.mktemp("run")
    config = load_config(RunConfig, tiny_recipe(folder), ["--model.dropout=0.1"])
    tokenizer = train_tokenizer(SENTENCES, 64, config.stream.words)
    tokenizer.save(folder / "tokenizer.json")
    checkpoint = folder / "checkpoints" / "step_00000001"
    checkpoint.mkdir(parents=True)
    model = build_model(model_config(config, tokenizer.vocabulary), seed=0)
    save_file(model.state_dict(), checkpoint / "weights.safetensors")
    (checkpoint / "config.yaml").write_text(yaml.safe_dump(to_mapping(config)))
    (checkpoint / "state.json").write_text(json.dumps({"version": 1, "step": 1}))
    (folder / "checkpoints" / "latest").write_text("step_00000001\n")
    return folder


def verb(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_parsers(parser.add_subparsers(required=True))
    return calibrate_verb(parser.parse_args(["conflicts", "calibrate", *map(str, arguments), "--device", "cpu"]))


def test_tables_and_figures(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--batches", 1, "--batch", 16, "--json", tmp_path / "figures.json")
    assert verb(run, run / "shards", *common) == 0
    printed = capsys.readouterr().out
    assert "samples with two losses to compare" in printed and "last_linear/video" in printed
    figures = {row["id"]: row for row in json.loads((tmp_path / "figures.json").read_text())["figures"]}
    assert figures["exact/all.correlation"]["value"] == pytest.approx(1.0)
    assert figures["exact/all.mean absolute error"]["value"] == 0.0
    assert figures["batch/all.correlation"]["value"] is None
    assert 0.3 < figures["last_block/all.correlation"]["value"] <= 1.0
    assert 1.0 < figures["last_block/all.flops"]["value"] < figures["exact/all.flops"]["value"]
    assert figures["last_linear/all.flops"]["value"] < 1.01
    assert figures["last_linear/all.quantile_0.1"]["value"] <= figures["last_linear/all.quantile_0.3"]["value"]


def test_bad_input_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--batch is 2"):
        verb(run, run / "shards", "--batch", 2)
    with pytest.raises(UserError, match="24 samples, --batch is 64"):
        verb(run, run / "shards", "--batch", 64)
    with pytest.raises(UserError, match="neither a run folder"):
        verb(tmp_path, run / "shards")
    with pytest.raises(UserError):
        verb(run, tmp_path / "nowhere")


def test_towers_of_their_own_have_one_branch_to_compare() -> None:
    config = tiny_specific()
    assert list(variants(tiny_model(config).shared_branches)) == [
        f"{signal}/all" for signal in ("representation", "last_linear", "last_block", "exact", "batch")
    ]
    assert len(variants(tiny_model().shared_branches)) == 10


def test_every_signal_sees_the_same_samples() -> None:
    config = tiny_config()
    batch = random_batch(12, config, seed=1)
    both = batch.video_mask & batch.audio_mask & batch.text_mask.any(dim=1)
    measured = measure(tiny_model(config, dtype=torch.float32), [batch, batch], ObjectiveConfig())
    assert {len(m.cosines) for m in measured.values()} == {2 * int(both.sum())}
    for m in measured.values():
        np.testing.assert_allclose(*np.split(m.cosines, 2), rtol=1e-5, atol=1e-6)
    assert np.ptp(measured["batch/all"].cosines) < 1e-6
    assert measured["exact/all"].work > measured["last_block/all"].work > measured["representation/all"].work > 1.0
