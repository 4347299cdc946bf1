"""The whole configuration of a run, and the parts that belong to the engine."""

from dataclasses import dataclass, field
from typing import Any

from vatt_harmony.config import shipped_file as shipped_file
from vatt_harmony.engine.optim import OptimConfig
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.stream.config import DataConfig, StreamConfig


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """How the run is carried out: steps, DeepSpeed, checkpoints, logs."""

    steps: int
    """Optimizer steps of the whole run."""
    deepspeed: str | dict[str, Any] = "configs/deepspeed/zero1.json"
    """DeepSpeed's own configuration, a JSON file or the same as a mapping; used as it is, but for the batch sizes."""
    chunk: int = 0
    """Samples that a rank encodes at a time, in two passes, with the gradient of the whole batch; 0 = all, in one pass.
    Memory of the trunk shrinks to that of a chunk; a step costs 4/3, less where the curriculum drops samples."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""
    keep: int = 3
    """Newest checkpoints kept on disk; 0 = all."""
    log_every: int = 10
    """Steps between lines of metrics.jsonl and TensorBoard points."""
    look_every: int = 500
    """Steps between the pictures of TensorBoard's group `6 look`."""
    observations: bool = True
    """Keep cosine and losses of every visit of every sample (`observations/`); some 40 bytes each."""
    patience: int = 5
    """Steps in a row with values that are not finite, after which the run ends."""
    first_step_minutes: float = 60.0
    """How long a rank waits for the others until the first step is done (compiling, opening shards)."""
    step_minutes: float = 10.0
    """The same afterwards: a hung rank ends the run after this time."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps, {self.steps}, at least 1")
        for name in ("checkpoint_every", "log_every", "look_every", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}, {getattr(self, name)}, at least 1")
        for name in ("keep", "chunk"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}, {getattr(self, name)}, at least 0")
        if min(self.first_step_minutes, self.step_minutes) <= 0:
            raise ValueError(f"step_minutes, {self.step_minutes}, above 0")


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """Retrieval on held-out shards while the run goes on."""

    shards: str = ""
    """Folder, glob or brace pattern of held-out shards; empty = no evaluation."""
    every: int = 1000
    """Steps between evaluations; the last step is always evaluated."""
    windows: int = 1
    """Windows per clip, spread evenly; their embeddings are averaged."""

    def __post_init__(self) -> None:
        if self.every < 1 or self.windows < 1:
            raise ValueError(f"every and windows, {self.every} and {self.windows}, at least 1")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One pretraining run. Lengths shared by stream and model are given in `stream` and filled into the model."""

    data: DataConfig
    stream: StreamConfig
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    harmony: HarmonyConfig = field(default_factory=HarmonyConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    engine: EngineConfig
    eval: EvalConfig = field(default_factory=EvalConfig)
    seed: int = 0
    """All randomness of the run follows from it."""
