import pytest
import torch
from support.learnable import learnable_films
from support.ranks import run_ranks

from vatt_harmony.align.config import AlignConfig, NetworkConfig, OptimConfig, PretrainConfig, TrainConfig
from vatt_harmony.align.train.fit import fit
from vatt_harmony.align.train.loop import new_accelerator

TRAIN, VALIDATION = learnable_films(11, seed=1), learnable_films(3, seed=2)
CONFIGS = [
    AlignConfig(
        network=NetworkConfig(width=8),
        optim=OptimConfig(lr=3.0),
        train=TrainConfig(epochs=2, batch=6, rollin=0.5, order="random"),
        pretrain=PretrainConfig(epochs=1, batch=8),
    ),
    AlignConfig(
        network=NetworkConfig(width=8, norm="4ln", window=2),
        optim=OptimConfig(name="adamw", lr=1e-2),
        train=TrainConfig(epochs=2, batch=6, analysis=True, validate_every=2),
    ),
]


def train(rank, world_size, folder):
    """History and weights of each configuration."""
    accelerator = new_accelerator()
    assert accelerator.num_processes == world_size
    told = []
    for number, config in enumerate(CONFIGS):
        fitted = fit(config, TRAIN, VALIDATION, folder / f"{world_size}-{number}", accelerator=accelerator)
        told.append((list(fitted.history), {k: v.double() for k, v in fitted.model.state_dict().items()}))
    return told


def test_two_ranks_train_as_one_does(tmp_path):
    [alone] = run_ranks(train, 1, tmp_path / "one", tmp_path)
    first, second = run_ranks(train, 2, tmp_path / "two", tmp_path)
    for one, mine, its in zip(alone, first, second, strict=True):
        for epoch, other, same in zip(one[0], mine[0], its[0], strict=True):
            assert other == pytest.approx(epoch, rel=1e-3, abs=1e-4)
            assert other["train/loss"] == same["train/loss"]
        for name, value in one[1].items():
            assert torch.equal(mine[1][name], its[1][name])
            torch.testing.assert_close(mine[1][name], value, rtol=1e-3, atol=1e-4)
