"""Recipes end to end on miniatures: the cheap ones here, all by `vatt-harmony bench balance --only 04.7`."""

import math
from pathlib import Path

import pytest

from vatt_harmony.config import load_config
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.miniature import MINIATURES, miniature_run
from vatt_harmony.finetune.sets import SETS
from vatt_harmony.finetune.train.run import finetune
from vatt_harmony.scale.bench.balance_recipes import SPLITS

CONFIGS = Path(__file__).parents[3] / "configs" / "finetune"


@pytest.mark.parametrize("name", ["hmdb51_vatt", "esc50_vatt"])
def test_a_recipe_trains_validates_and_tests_on_its_miniature(name: str, tmp_path: Path) -> None:
    recipe = load_config(FinetuneConfig, CONFIGS / f"{name}.yaml")
    config = miniature_run(recipe, tmp_path, share=0.05, steps=2)
    assert config.inputs == recipe.inputs and config.optim == recipe.optim and config.balance == recipe.balance
    result = finetune(config)
    assert result.updates == 2 and math.isfinite(result.test["loss"])
    assert result.failures == {"train": {}, "val": {}, "test": {}}


def test_every_published_set_has_a_miniature_and_every_recipe_of_one_is_benched() -> None:
    assert MINIATURES.keys() == SETS.keys() - {"grid", "esc10", "av_digits", "table"}
    of_published = {
        path.stem for path in CONFIGS.glob("*.yaml") if load_config(FinetuneConfig, path).data.set in MINIATURES
    }
    assert of_published == SPLITS.keys()
