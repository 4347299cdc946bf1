"""Every recipe reads; values out of range and contradictions are told by field."""

from pathlib import Path
from typing import Any

import pytest

from vatt_harmony.balance.rules import make_rule
from vatt_harmony.config import from_mapping, load_config, to_mapping
from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.sets import SETS

RECIPES = sorted((Path(__file__).parents[3] / "configs" / "finetune").glob("*.yaml"))
SMALL: dict[str, Any] = {
    "data": {"set": "ave", "root": "x", "modalities": ["video", "audio"]},
    "encoders": {name: {"kind": "timm", "name": "resnet10t"} for name in ("video", "audio")},
    "train": {"epochs": 1},
}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_read_and_name_a_known_set_and_rule(path: Path) -> None:
    config = load_config(FinetuneConfig, path)
    assert config.data.set in SETS
    make_rule(config.balance.rule, config.balance.options)
    assert from_mapping(FinetuneConfig, to_mapping(config)) == config


def test_all_published_recipes_are_there() -> None:
    sets = {load_config(FinetuneConfig, path).data.set for path in RECIPES}
    assert sets >= SETS.keys() - {"crema_d_ogm"}


@pytest.mark.parametrize(
    ("group", "values", "named"),
    [
        ("data", {"modalities": ["video", "video"]}, "modalities"),
        ("data", {"val": 1.0}, "val"),
        ("data", {"modalities": ["video"]}, "encoders"),
        ("data", {"features": "faces"}, "features"),
        ("inputs", {"video": {"region": [0.5, 0, 0.5, 1]}}, "region"),
        ("inputs", {"video": {"min_frames": 2}}, "min_frames"),
        ("inputs", {"audio": {"seconds": 0.01}}, "seconds"),
        ("inputs", {"audio": {"f_min": 100, "f_max": 50}}, "f_max"),
        ("inputs", {"views": {"clips": 0}}, "clips"),
        ("train", {"epochs": 1, "batch": 6, "accumulation": 4}, "batch"),
        ("balance", {"start": 5, "end": 5}, "end"),
        ("optim", {"betas": [0.9, 1.0]}, "betas"),
    ],
)
def test_values_out_of_range_are_named(group: str, values: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        from_mapping(FinetuneConfig, SMALL | {group: SMALL.get(group, {}) | values})


def test_an_encoder_says_what_it_needs() -> None:
    for encoder, named in (({"kind": "timm"}, "name"), ({"kind": "vatt"}, "weights")):
        with pytest.raises(UserError, match=named):
            from_mapping(FinetuneConfig, SMALL | {"encoders": dict.fromkeys(("video", "audio"), encoder)})


def test_clips_in_memory_are_read_without_workers() -> None:
    config = from_mapping(FinetuneConfig, SMALL)
    assert config.data.loader_workers == 2
    kept = from_mapping(FinetuneConfig, SMALL | {"data": SMALL["data"] | {"cache": "memory"}})
    assert kept.data.loader_workers == 0
