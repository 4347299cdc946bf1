"""Small random batches and models for tests of the step."""

from dataclasses import replace

import torch

from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.batch import Batch

TINY = dict(
    frames=4, size=16, patch=(2, 8, 8), samples=256, audio_patch=32, words=6, vocabulary=40, text_width=12,
    d_va=12, d_vt=8, post_width=20,
)  # fmt: skip


def tiny_config(**changes: object) -> ModelConfig:
    """A modality-agnostic model of a few thousand parameters."""
    return ModelConfig(**{**TINY, "trunk": TowerConfig(depth=2, width=16, ff=32, heads=2), **changes})


def tiny_specific(**changes: object) -> ModelConfig:
    """The same with one tower each."""
    small = TowerConfig(depth=2, width=16, ff=32, heads=2)
    return ModelConfig(
        **{**TINY, "kind": "specific", "video_tower": small, "audio_tower": small, "text_tower": small, **changes}
    )


def tiny_model(config: ModelConfig | None = None, seed: int = 0, dtype: torch.dtype = torch.float64) -> Vatt:
    """The same weights for the same seed, in training mode."""
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
    return Batch(
        video=torch.randint(0, 256, (size, config.frames, config.size, config.size, 3), generator=g).to(torch.uint8),
        audio=torch.rand(size, config.samples, generator=g) * 2 - 1,
        text=text * text_mask[..., None],
        video_mask=video_mask, audio_mask=audio_mask, text_mask=text_mask,
        seed=torch.randint(0, 2**62, (size,), generator=g),
        position=torch.arange(size),
        keys=[f"s/{i}" for i in range(size)], sources=["s"] * size,
    )  # fmt: skip


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
