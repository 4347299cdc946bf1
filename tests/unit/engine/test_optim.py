import pytest
import torch
from torch import nn

from vatt_harmony.config import from_mapping
from vatt_harmony.engine.optim import OptimConfig, build_optimizer, parameter_groups
from vatt_harmony.errors import UserError
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.position_table = nn.Parameter(torch.zeros(4, 8))
        self.agg = nn.Parameter(torch.zeros(1, 1, 8))
        self.linear = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.frozen = nn.Parameter(torch.zeros(3, 3), requires_grad=False)


def test_only_weight_matrices_decay():
    tower = Tower()
    decayed, spared = parameter_groups(tower, OptimConfig(weight_decay=0.1))
    assert decayed["weight_decay"] == 0.1
    assert spared["weight_decay"] == 0.0
    assert [id(parameter) for parameter in decayed["params"]] == [id(tower.linear.weight)]
    assert len(spared["params"]) == 5


@pytest.mark.parametrize("kind", ["agnostic", "specific"])
def test_tables_and_vectors_of_the_real_model_are_spared(kind):
    tiny = TowerConfig(depth=1, width=16, ff=16, heads=2)
    towers = {"trunk": tiny, "video_tower": tiny, "audio_tower": tiny, "text_tower": tiny}
    with torch.device("meta"):
        model = Vatt(ModelConfig(kind=kind, agg_position="learnable", **towers))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model, OptimConfig())
    decayed, spared = ([names[id(parameter)] for parameter in group["params"]] for group in groups)
    assert all(name.endswith(".weight") for name in decayed)
    assert not [name for name in decayed if any(part in name for part in ("norm", "position", "agg", "relative"))]
    assert "tokens.video.agg" in spared


def test_frozen_parameters_are_in_no_group():
    tower = Tower()
    grouped = {id(parameter) for group in parameter_groups(tower, OptimConfig()) for parameter in group["params"]}
    assert id(tower.frozen) not in grouped
    assert len(grouped) == 6


def test_empty_groups_are_left_out():
    assert len(parameter_groups(nn.LayerNorm(4), OptimConfig())) == 1


def test_adam_never_decays():
    optimizer = build_optimizer(Tower(), OptimConfig(name="adam", eps=1e-7))
    assert type(optimizer) is torch.optim.Adam
    assert all(group["weight_decay"] == 0.0 and group["eps"] == 1e-7 for group in optimizer.param_groups)


def test_one_step_of_adamw_moves_by_the_rate_and_the_decay():
    linear = nn.Linear(1, 1, bias=False)
    nn.init.ones_(linear.weight)
    optimizer = build_optimizer(linear, OptimConfig(lr=0.1, weight_decay=0.5))
    linear(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    assert linear.weight.item() == pytest.approx(1 - 0.1 * 0.5 - 0.1)


@pytest.mark.parametrize("values", [
    {"lr": -1.0}, {"warmup": -1}, {"eps": 0.0}, {"betas": [0.9, 1.0]}, {"clip": float("nan")}, {"name": "sgd"},
])  # fmt: skip
def test_bad_values_are_named(values):
    with pytest.raises(UserError, match=next(iter(values))):
        from_mapping(OptimConfig, values, "optim")
