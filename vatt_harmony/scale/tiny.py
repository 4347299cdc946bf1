"""Small random batches and models for checks of the step."""

from dataclasses import replace
from typing import Any

import torch

from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.batch import Batch

TINY: dict[str, Any] = {
    "frames": 4, "size": 16, "patch": (2, 8, 8), "samples": 256, "audio_patch": 32, "words": 6, "vocabulary": 40,
    "text_width": 12, "d_va": 12, "d_vt": 8, "post_width": 20,
}  # fmt: skip
SMALL = TowerConfig(depth=2, width=16, ff=32, heads=2)


def tiny_config(**changes: Any) -> ModelConfig:
    """A modality-agnostic model of a few thousand parameters."""
    return ModelConfig(**{**TINY, "trunk": SMALL, **changes})


def tiny_specific(**changes: Any) -> ModelConfig:
    """The same with one tower each."""
    towers = {"video_tower": SMALL, "audio_tower": SMALL, "text_tower": SMALL}
    return ModelConfig(**{**TINY, "kind": "specific", **towers, **changes})


def tiny_model(config: ModelConfig | None = None, seed: int = 0, dtype: torch.dtype = torch.float64) -> Vatt:
    """The same weights for the same seed, in training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Vatt(config or tiny_config()).to(dtype).train()


def random_batch(size: int, config: ModelConfig, seed: int = 0, candidates: int = 3, missing: bool = True) -> Batch:
    """`size` samples; with `missing`, some have no text, no sound, or fewer candidates."""
    g = torch.Generator().manual_seed(seed)
    text_mask = torch.ones(size, candidates, dtype=torch.bool)
    audio_mask = torch.ones(size, dtype=torch.bool)
    video_mask = torch.ones(size, dtype=torch.bool)
    if missing:
        text_mask = torch.rand(size, candidates, generator=g) < 0.7
        text_mask[::4] = False
        audio_mask[1::5] = False
    text = torch.randint(4, config.vocabulary, (size, candidates, config.words), generator=g)
    frames = (size, config.frames, config.size, config.size, 3)
    return Batch(
        video=torch.randint(0, 256, frames, generator=g, dtype=torch.uint8),
        audio=torch.rand(size, config.samples, generator=g) * 2 - 1,
        text=text * text_mask[..., None],
        video_mask=video_mask, audio_mask=audio_mask, text_mask=text_mask,
        seed=torch.randint(0, 2**62, (size,), generator=g),
        position=torch.arange(size),
        keys=[f"s/{i}" for i in range(size)], sources=["s"] * size,
    )  # fmt: skip


def with_audio(batch: Batch, dtype: torch.dtype) -> Batch:
    """The batch with its sound in the number type of a model."""
    return replace(batch, audio=batch.audio.to(dtype))


def rows_of(batch: Batch, rank: int, world_size: int) -> Batch:
    """One rank's slice of a global batch."""
    own = slice(rank * len(batch) // world_size, (rank + 1) * len(batch) // world_size)
    names = ("video", "audio", "text", "video_mask", "audio_mask", "text_mask", "seed", "position")
    return replace(
        batch,
        **{name: getattr(batch, name)[own] for name in names},
        keys=batch.keys[own],
        sources=batch.sources[own],
    )
