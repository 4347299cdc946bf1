import pytest
import torch
from torch import nn

from vatt_harmony.finetune.config import EncoderConfig, OptimConfig
from vatt_harmony.finetune.train.optimizer import build_optimizer, scaled_groups

GROUPS = [
    {"params": [nn.Parameter(torch.ones(2))], "lr": 0.1, "modality": "audio"},
    {"params": [nn.Parameter(torch.ones(2), requires_grad=False)], "lr": 0.1, "modality": "video"},
    {"params": [nn.Parameter(torch.ones(2))], "lr": 0.1},
]


def test_an_encoder_has_its_own_rate_and_what_does_not_learn_is_left_out():
    encoders = {"audio": EncoderConfig(kind="timm", name="resnet18", lr_scale=0.5)}
    scaled = scaled_groups(GROUPS, encoders)
    assert [(group.get("modality"), group["lr"]) for group in scaled] == [("audio", 0.05), (None, 0.1)]
    assert GROUPS[0]["lr"] == 0.1


@pytest.mark.parametrize("name, expected", [("adam", 0.9), ("adamw", 0.95), ("sgd", 0.95)])
def test_adam_couples_its_decay_and_adamw_does_not(name, expected):
    parameter = nn.Parameter(torch.ones(2))
    optimizer = build_optimizer([{"params": [parameter], "lr": 0.1}], OptimConfig(name=name, weight_decay=0.5))
    parameter.grad = torch.zeros(2)
    optimizer.step()
    # Coupled: a gradient of 0.5, which Adam makes a whole step of its rate and SGD 0.05; decoupled: 0.1 x 0.5 off.
    assert parameter.detach().tolist() == pytest.approx([expected] * 2)
