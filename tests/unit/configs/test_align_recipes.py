"""Every recipe of an aligner: its published size and rate, and an epoch of it narrowed."""

from pathlib import Path

import pytest
from support.learnable import learnable_films

from vatt_harmony.align.config import AlignConfig
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.train.fit import fit
from vatt_harmony.config import load_config

RECIPES = {path.stem: path for path in (Path(__file__).parents[3] / "configs" / "align").glob("*.yaml")}

# Table 7 and the supplement of Wang et al., WACV 2021: rate (gamma x eta under LARS); parameters counted in their code.
PUBLISHED = {
    "full-adam": (1e-3, 4_252_015),
    "full-lars-sbn": (5e-3, 4_253_215),
    "full-lars-2ln": (4e-3, None),
    "full-lars-4ln": (5e-3, None),
    "rp-adam-sbn": (5e-4, 3_408_415),
    "rp-adam-2ln": (1e-2, 3_419_215),
    "rp-adam-4ln": (7e-3, 3_419_775),
    "rp-lars-sbn": (7e-3, 3_408_415),
    "rp-lars-2ln": (5e-3, 3_419_215),
    "rp-lars-4ln": (8e-3, 3_419_775),
    "rp-adamwarm-sbn": (5e-4, 3_408_415),
    "ours-pretrain": (1e-3, 4_252_015),
    "ours-finetune": (5e-4, 4_252_015),
    "lxmert": (3e-4, 3_868_015),
}


def test_all_recipes_are_here():
    assert {*PUBLISHED, "laptop"} <= set(RECIPES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_rate_and_size_are_the_published_ones(name):
    config = load_config(AlignConfig, RECIPES[name])
    rate, parameters = PUBLISHED[name]
    scale = config.optim.trust if config.optim.name == "lars" else 1.0
    assert config.optim.lr * scale == pytest.approx(rate)
    assert (config.train.batch, config.train.epochs, config.optim.clip, config.optim.patience) == (32, 350, 2.0, 10)
    if parameters is not None:
        dims = (768, 768) if name == "lxmert" else (2048, 768)
        model = NeuMatch(config.network, dims)
        assert sum(each.numel() for each in model.parameters() if each.requires_grad) == parameters


def test_the_recommended_one_is_the_default():
    assert load_config(AlignConfig, RECIPES["rp-lars-sbn"]) == AlignConfig()


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - {"tacos-three"}))  # it is for three streams
def test_an_epoch_of_it_narrowed(name):
    config = load_config(AlignConfig, RECIPES[name], ["--network.width", "8", "--train.epochs", "1"])
    fitted = fit(config, learnable_films(3, seed=1), learnable_films(1, seed=2))
    assert fitted.best_epoch == 1 and fitted.model.config == config.network
