"""Small models and inputs for the tests of this folder."""

from typing import Any

import torch
from torch import Tensor

from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt

TOWER = TowerConfig(depth=2, width=32, ff=48, heads=2)
SIZES: dict[str, Any] = {
    "trunk": TOWER,
    "video_tower": TOWER,
    "audio_tower": TowerConfig(depth=2, width=48, ff=64, heads=3),
    "text_tower": TowerConfig(depth=2, width=24, ff=40, heads=2),
    "frames": 8,
    "size": 32,
    "samples": 2048,
    "sample_rate": 8000,
    "mel_range": (80.0, 3800.0),
    "stft_window": 0.016,
    "stft_hop": 0.008,
    "mels": 20,
    "vocabulary": 40,
    "text_width": 12,
    "d_va": 16,
    "d_vt": 8,
    "post_width": 20,
}


def small_config(**changes: Any) -> ModelConfig:
    return ModelConfig(**{**SIZES, **changes})


def small_model(dtype: torch.dtype = torch.float64, **changes: Any) -> Vatt:
    torch.manual_seed(0)
    return Vatt(small_config(**changes)).to(dtype)


def media(count: int = 3, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(1, 40, (count, 6), generator=generator)
    text[0, 3:] = 0
    return {
        "video": torch.randint(0, 256, (count, 8, 32, 32, 3), dtype=torch.uint8, generator=generator),
        "audio": (torch.rand(count, 2048, generator=generator, dtype=torch.float64) * 2 - 1).to(dtype),
        "text": text,
        "video_seed": torch.arange(count) + 100,
        "audio_seed": torch.arange(count) + 200,
    }
