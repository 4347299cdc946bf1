"""ModelConfig: messages name field, value and range; dictionaries go round."""

import json
from typing import Any

import pytest
from support.small_model import small_config

from vatt_harmony.model.config import ModelConfig, TowerConfig


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keep_video": 0.0}, "keep_video is 0.0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"heads": "cod"}, "heads is 'cod', must be one of code, paper, joint"),
        ({"frames": 3}, "frames is 3, must be at least 4"),
        ({"samples": 100}, "samples is 100, must be at least 128"),
        ({"patch": (4, 0, 16)}, "patch is"),
        ({"vocabulary": 1}, "vocabulary is 1"),
        ({"sound": "spectrogram", "sample_rate": 8000}, "mel_range is"),
        ({"sound": "spectrogram", "stft_hop": 1e-6}, "stft_hop is 1e-06"),
        ({"sound": "spectrogram", "samples": 2000}, "spectrogram_patch is"),
        ({"timm_file": "vit.pth"}, "timm must name the ViT"),
    ],
)
def test_bad_values(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**changes)


def test_towers() -> None:
    assert TowerConfig(size="base").shape == (12, 768, 3072, 12)
    assert TowerConfig(size="base", width=128, depth=4).shape == (4, 128, 3072, 2)
    with pytest.raises(ValueError, match="width is 100"):
        TowerConfig(width=100, heads=3)
    with pytest.raises(ValueError, match="depth is 0"):
        TowerConfig(depth=0)


def test_round_through_json() -> None:
    config = small_config(kind="specific", sound="spectrogram")
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
