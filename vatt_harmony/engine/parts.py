"""The parts of a run built from its configuration: tokenizer, model, DeepSpeed engine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from vatt_harmony.engine.checkpoint import find_checkpoint, load_into, load_weights
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.failure import on_first_rank
from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.optim import OptimConfig, build_optimizer
from vatt_harmony.errors import UserError
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.timm_start import new_model
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.stream.source import prepare_tokenizer
from vatt_harmony.stream.tokenizer import Tokenizer, load_tokenizer

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a run has come to."""

    model: Vatt
    """In evaluation mode, fp32, on the CPU."""
    config: RunConfig
    tokenizer: Path
    """The run's tokenizer.json."""


def model_config(config: RunConfig, vocabulary: int) -> ModelConfig:
    """The model section with the lengths of the stream, the tokenizer's vocabulary, and the head the losses need."""
    try:
        return _completed(config, vocabulary)
    except ValueError as error:
        raise UserError(
            f"model and stream do not fit one another: {error}",
            "No token could be cut",
            "Change model.patch, model.audio_patch or the lengths in stream",
        ) from error


def _completed(config: RunConfig, vocabulary: int) -> ModelConfig:
    stream = config.stream
    return replace(
        config.model,
        frames=stream.frames,
        size=stream.size,
        samples=stream.samples,
        sample_rate=stream.sample_rate,
        words=stream.words,
        vocabulary=vocabulary,
        audio_text_head=config.model.audio_text_head or "audio_text" in config.objective.weights.active(),
    )


def run_tokenizer(config: RunConfig, run: Path, process: Process) -> Tokenizer:
    """The run's own copy `tokenizer.json`, made by rank 0 when the run begins. All ranks must call it."""
    path = run / TOKENIZER

    def prepare() -> None:
        if not path.is_file():
            part = path.with_suffix(".part")
            prepare_tokenizer(config.data, config.stream.words).save(part)
            part.rename(path)

    on_first_rank(process, prepare)
    return load_tokenizer(path, config.stream.words)


def build_model(config: ModelConfig, seed: int) -> Vatt:
    """A fresh model; equal for equal seeds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return new_model(config)
        except (RuntimeError, ValueError, OSError) as error:
            if not config.timm:
                raise
            raise UserError(
                f"model.timm {config.timm!r} cannot start the video trunk: {error}",
                "Training would begin from nothing instead",
                "Give a timm vision transformer of the trunk's width and depth, its weights as model.timm_file",
            ) from error


def build_engine(model: Vatt, optim: OptimConfig, settings: Mapping[str, Any], process: Process) -> Any:
    """DeepSpeed around the model and torch's optimizer; `settings`: its JSON, completed. All ranks must call it."""
    import deepspeed

    model.to(process.device)
    try:
        engine, *_ = deepspeed.initialize(
            model=model, optimizer=build_optimizer(model, optim), config=dict(settings), dist_init_required=False
        )
    except ValueError as error:
        raise UserError(
            f"DeepSpeed refuses its configuration: {error}", "Nothing was started", "Change engine.deepspeed"
        ) from error
    return engine


def load_trained(place: Path) -> Trained:
    """The encoder of a run folder's newest checkpoint, or of one checkpoint; needs no engine and reads no pickles."""
    checkpoint = find_checkpoint(place)
    weights, config = load_weights(checkpoint)
    tokenizer = checkpoint.parent.parent / TOKENIZER
    model = Vatt(model_config(config, load_tokenizer(tokenizer, config.stream.words).vocabulary))
    load_into(model, weights, checkpoint)
    return Trained(model=model.eval(), config=config, tokenizer=tokenizer)
