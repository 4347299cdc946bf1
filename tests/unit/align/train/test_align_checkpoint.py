import json

import pytest
import torch
from support.learnable import learnable_films

from vatt_harmony.align.config import AlignConfig, NetworkConfig, OptimConfig, TrainConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.train.checkpoint import model_folder, newest_checkpoint
from vatt_harmony.align.train.fit import fit
from vatt_harmony.errors import UserError

STATES = [
    {},
    {"name": "adamw", "lr": 3e-2},
    {"name": "lars_sgd"},
    {"name": "adam", "lr": 1e-12, "warmup_epochs": 0},  # losses go up and down: the plateau acts
]
TRAIN, VALIDATION = learnable_films(6, seed=1), learnable_films(2, seed=2)


def config(epochs, **optim):
    """Everything that has a state or draws: dropout, random orders, own actions, running statistics, the plateau."""
    return AlignConfig(
        network=NetworkConfig(width=8, dropout=0.2),
        optim=OptimConfig(**({"lr": 20.0, "patience": 0, "warmup_epochs": 1} | optim)),
        train=TrainConfig(epochs=epochs, batch=4, order="random", rollin=0.3),
    )


def files(run):
    return {path.name: path.read_bytes() for path in newest_checkpoint(run).glob("*.safetensors")}


@pytest.mark.parametrize("optim", STATES, ids=str)
def test_an_interrupted_training_goes_on_bit_for_bit(tmp_path, optim):
    whole = fit(config(5, **optim), TRAIN, VALIDATION, tmp_path / "whole")
    for epochs in range(1, 6):
        broken = fit(config(epochs, **optim), TRAIN, VALIDATION, tmp_path / "broken")
    assert broken.history == whole.history
    assert len({epoch["rate"] for epoch in whole.history}) > 1
    assert files(tmp_path / "whole") == files(tmp_path / "broken")
    assert broken.best_epoch == whole.best_epoch
    for one, other in zip(broken.model.state_dict().values(), whole.model.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_folder_and_memory_give_the_same(tmp_path):
    silent, kept = (fit(config(3), TRAIN, VALIDATION, folder) for folder in (None, tmp_path))
    assert silent.history == kept.history and silent.best_epoch == kept.best_epoch
    for one, other in zip(silent.model.state_dict().values(), kept.model.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_what_a_run_leaves(tmp_path):
    fitted = fit(config(3), TRAIN, VALIDATION, tmp_path)
    checkpoints = tmp_path / "checkpoints"
    assert sorted(each.name for each in checkpoints.iterdir()) == [
        "best_accuracy",
        "best_iou",
        "epoch_0003",
        "latest",
    ]
    assert model_folder(tmp_path) == checkpoints / "best_accuracy"
    best = NeuMatch.from_pretrained(model_folder(tmp_path))
    assert all(torch.equal(a, b) for a, b in zip(best.parameters(), fitted.model.parameters(), strict=True))
    assert model_folder(checkpoints / "best_iou") == checkpoints / "best_iou"
    assert json.loads((checkpoints / "epoch_0003" / "state.json").read_text())["history"] == fitted.history


def test_without_validation_the_last_one_is_the_aligner(tmp_path):
    fitted = fit(config(2), TRAIN, folder=tmp_path)
    assert fitted.best_epoch == 2
    assert model_folder(tmp_path).name == "epoch_0002"


def test_no_going_on_with_other_options(tmp_path):
    fit(config(1), TRAIN, VALIDATION, tmp_path)
    with pytest.raises(UserError, match=r"another optim\.clip, optim\.lr"):
        fit(config(2, lr=1.0, clip=1.0), TRAIN, VALIDATION, tmp_path)
    state = newest_checkpoint(tmp_path) / "state.json"
    state.write_text(state.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(UserError, match="format 99"):
        fit(config(2), TRAIN, VALIDATION, tmp_path)
    with pytest.raises(UserError, match="no trained aligner"):
        model_folder(tmp_path / "nowhere")
