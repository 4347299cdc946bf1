"""Sizes of the study: one for a CPU core in seconds a run, one for a CUDA device."""

from dataclasses import dataclass, field

from vatt_harmony.engine.optim import OptimConfig
from vatt_harmony.model.config import ModelConfig, TowerConfig
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.scale.study.clips import CorpusShape


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What all runs of a study share."""

    shape: CorpusShape
    trunk: TowerConfig
    patch: tuple[int, int, int]
    audio_patch: int
    space: int
    """Width of both embedding spaces."""
    post_width: int
    steps: int
    batch: int
    lr: float
    warmup: int
    objective: ObjectiveConfig = field(default_factory=lambda: ObjectiveConfig(mode="symmetric"))
    device: str = "cpu"

    def model(self, vocabulary: int) -> ModelConfig:
        """The model that fits the corpus."""
        shape = self.shape
        return ModelConfig(
            trunk=self.trunk,
            frames=shape.frames,
            size=shape.size,
            patch=self.patch,
            samples=shape.samples,
            sample_rate=shape.rate,
            audio_patch=self.audio_patch,
            words=shape.words,
            vocabulary=vocabulary,
            text_width=64,
            keep_video=1.0,
            keep_audio=0.5,
            d_va=self.space,
            d_vt=self.space,
            post_width=self.post_width,
        )

    def optim(self) -> OptimConfig:
        """AdamW with a cosine schedule, as in the demo's recipe."""
        return OptimConfig(
            lr=self.lr,
            lr_end=self.lr / 100,
            warmup=self.warmup,
            betas=(0.9, 0.98),
            weight_decay=0.05,
            clip=1.0,
        )


CPU = Preset(
    shape=CorpusShape(train=1280, test=256, unseen=64),
    trunk=TowerConfig(depth=2, width=64, ff=192, heads=4),
    patch=(8, 12, 12),
    audio_patch=800,
    space=96,
    post_width=128,
    steps=400,
    batch=64,
    lr=2e-3,
    warmup=30,
)
"""About 16 CPU seconds a run."""

CUDA = Preset(
    shape=CorpusShape(train=131_072, test=431, unseen=64, frames=16, size=64, rate=16_000),
    trunk=TowerConfig(size="small"),
    patch=(4, 16, 16),
    audio_patch=400,
    space=256,
    post_width=512,
    steps=4000,
    batch=1024,
    lr=5e-4,
    warmup=400,
    device="cuda",
)
"""VATT-MA-Small on clips that are drawn when they are asked for; 31 visits a clip."""
