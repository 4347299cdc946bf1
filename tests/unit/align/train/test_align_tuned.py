"""`fit` with an encoder that makes the features: frozen, and trained along."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.exports import make_export
from support.films import write_table

from vatt_harmony.align.config import AlignConfig, NetworkConfig, OptimConfig, TrainConfig
from vatt_harmony.align.features.finetune import OnTheFly
from vatt_harmony.align.prepare import prepare
from vatt_harmony.align.prepare_options import PrepareOptions
from vatt_harmony.align.sequence import load_sequences
from vatt_harmony.align.train.checkpoint import model_folder
from vatt_harmony.align.train.fit import Fitted, fit
from vatt_harmony.downstream.items import Failures
from vatt_harmony.errors import UserError
from vatt_harmony.model.loading import load_model

CONFIG = AlignConfig(network=NetworkConfig(width=8, window=1), train=TrainConfig(epochs=2, batch=2))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model` (an exported encoder) and `out` (two training films and one to validate)."""
    folder = tmp_path_factory.mktemp("tuned")
    make_export(folder)
    table = write_table(folder, ("train", "train", "val"))
    options = PrepareOptions(source=table, out=folder / "out", encoder=folder / "model", mode="tower", keep_media=True)
    prepare(options, Failures())
    return folder


def run(prepared: Path, rate: float, folder: Path | None = None, epochs: int = 2) -> tuple[Fitted, OnTheFly]:
    encoder = OnTheFly(prepared / "model", [prepared / "out/train", prepared / "out/val"])
    config = replace(CONFIG, optim=OptimConfig(encoder_lr=rate), train=replace(CONFIG.train, epochs=epochs))
    return fit(config, encoder.numbered(0), encoder.numbered(1), folder, encoder=encoder), encoder


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def test_rate_0_is_the_frozen_run_bit_for_bit(prepared: Path) -> None:
    fresh, _ = load_model(prepared / "model")
    frozen, encoder = run(prepared, 0.0)
    assert same(fresh, encoder.model)
    still, moved = run(prepared, 1e-60)  # with gradients, clipping and AdamW; its step rounds to none
    assert same(fresh, moved.model) and same(frozen.model, still.model) and frozen.history == still.history
    kept = fit(CONFIG, load_sequences(prepared / "out/train"), load_sequences(prepared / "out/val"))
    losses = [[epoch["train/loss"] for epoch in each.history] for each in (frozen, kept)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_an_encoder_trained_along_moves_and_is_kept(prepared: Path, tmp_path: Path) -> None:
    fitted, encoder = run(prepared, 1e-3, tmp_path / "whole")
    fresh, _ = load_model(prepared / "model")
    assert not same(fresh, encoder.model)
    run(prepared, 1e-3, tmp_path / "broken", epochs=1)
    resumed, its = run(prepared, 1e-3, tmp_path / "broken")
    assert resumed.history == fitted.history and same(encoder.model, its.model) and same(fitted.model, resumed.model)
    saved, _ = load_model(model_folder(tmp_path / "whole") / "encoder")
    assert same(saved, encoder.model)


@pytest.mark.parametrize("option", [{"rollin": 0.5}, {"analysis": True}], ids=str)
def test_what_needs_features_that_stay_is_refused(prepared: Path, option: dict[str, float]) -> None:
    encoder = OnTheFly(prepared / "model", [prepared / "out/train"])
    config = replace(CONFIG, train=replace(CONFIG.train, **option))
    with pytest.raises(UserError, match=next(iter(option))):
        fit(config, encoder.numbered(0), encoder=encoder)
