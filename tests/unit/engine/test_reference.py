"""The reference meets the samples as the learner does and tells the wrong ones; what does not fit is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file
from support.exports import STREAM, make_export
from torch import Tensor

from vatt_harmony.config import to_mapping
from vatt_harmony.engine.checkpoint import VERSION, WEIGHTS
from vatt_harmony.engine.config import EngineConfig, RunConfig
from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.reference import Reference, load_reference
from vatt_harmony.engine.surrogate import differentiate, gather
from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.scores import scores_of, summed
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig, PairWeights
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.scale.tiny import random_batch, tiny_config, tiny_model, tiny_specific, with_audio
from vatt_harmony.stream.batch import Batch
from vatt_harmony.stream.config import DataConfig, SourceConfig
from vatt_harmony.stream.tokenizer import load_tokenizer, train_tokenizer

ALONE = Process(rank=0, world_size=1, device=torch.device("cpu"))
OBJECTIVE = ObjectiveConfig(temperature=0.3)


def learnability(learner: Vatt, model: Vatt, batch: Batch, chunk: int = 0) -> Tensor:
    gathered = gather(encode(learner, batch, ALONE.device), (), 0, 1)
    losses = differentiate(gathered, learner.head_stage, OBJECTIVE).losses.per_sample
    reference = Reference(model, learner, OBJECTIVE, ALONE, chunk).per_sample_losses(batch)
    scores = scores_of("learnability", losses, reference, seed=0, step=0)
    assert scores is not None
    return scores


@pytest.mark.parametrize("chunk", [0, 5])
@pytest.mark.parametrize("config", [tiny_config(), tiny_specific()])
def test_nothing_is_learnable_from_oneself(config: ModelConfig, chunk: int) -> None:
    learner = tiny_model(config)
    for number, buffer in enumerate(learner.buffers()):
        buffer.add_(number)
    batch = with_audio(random_batch(12, config), torch.float64)
    assert learnability(learner, learner, batch, chunk).abs().max() < 1e-12
    # Trained with other tokens and dropout, exported in evaluation mode: it sees what the learner sees all the same.
    other = tiny_model(replace(config, keep_video=1.0, keep_audio=0.75, dropout=0.1)).eval()
    other.load_state_dict(learner.state_dict())
    assert learnability(learner, other, batch, chunk).abs().max() < 1e-12


def test_captions_that_are_wrong_are_the_least_learnable() -> None:
    config = tiny_config(keep_video=1.0, keep_audio=1.0)
    batch = random_batch(12, config, missing=False)
    model = _trained(tiny_model(config, seed=1, dtype=torch.float32), batch)
    wrong = [2, 7]
    text = batch.text.clone()
    text[wrong] = text[wrong[::-1]]
    scores = learnability(tiny_model(config, dtype=torch.float32), model, replace(batch, text=text))
    right = [row for row in range(12) if row not in wrong]
    assert scores[right].min() > max(0, scores[wrong].max())


def test_the_reference_leaves_no_trace() -> None:
    config = tiny_config(dropout=0.1)
    model, batch = tiny_model(config), with_audio(random_batch(8, config), torch.float64)
    reference = Reference(model, model, OBJECTIVE, ALONE, 0)
    before, drawn = {k: v.clone() for k, v in reference.model.state_dict().items()}, torch.get_rng_state()
    graph: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(graph.append, lambda saved: saved):
        reference.per_sample_losses(batch)
    assert not graph
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(value, before[name]) for name, value in reference.model.state_dict().items())


def test_a_sample_without_a_pair_costs_nothing() -> None:
    config = tiny_config()
    batch = with_audio(random_batch(10, config), torch.float64)
    alone = replace(batch, video_mask=torch.arange(10) != 3)
    losses = Reference(tiny_model(config), tiny_model(config), OBJECTIVE, ALONE, 0).per_sample_losses(alone)
    assert losses[3] == 0 and (losses[torch.tensor([1, 4])] >= 0).all()


def test_runs_checkpoints_and_exports_are_references(tmp_path: Path) -> None:
    model, export = make_export(tmp_path)
    run = _write_run(tmp_path, model)
    for place in (export, run, run / "checkpoints" / "step_00000001"):
        config = _config(place, model.config)
        loaded = load_reference(config, load_tokenizer(export, STREAM.words)).state_dict()
        assert all(torch.equal(value, loaded[name]) for name, value in model.state_dict().items())


def test_what_does_not_fit_is_refused_in_one_message(tmp_path: Path) -> None:
    model, export = make_export(tmp_path)
    tokenizer = load_tokenizer(export, STREAM.words)
    longer = replace(model.config, frames=8, samples=16000)
    with pytest.raises(UserError, match="does not fit this run: frames 4 instead of 8, samples 8000 instead of 16000"):
        load_reference(_config(export, longer), tokenizer)
    with pytest.raises(UserError, match=r"does not fit this run: no audio_text\. "):
        load_reference(_config(export, model.config, PairWeights(audio_text=1.0)), tokenizer)
    with pytest.raises(UserError, match=r"does not fit this run: another tokenizer\. "):
        load_reference(_config(export, model.config), train_tokenizer(["some other words"], 64, STREAM.words))
    with pytest.raises(UserError, match=r"harmony.curriculum.reference \S+ is no run"):
        load_reference(_config(tmp_path, model.config), tokenizer)


def _trained(model: Vatt, batch: Batch) -> Vatt:
    """The model after it has learnt which captions and sounds belong to which pictures."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(90):
        gathered = gather(encoded := encode(model, batch, ALONE.device), (), 0, 1)
        z = {branch: encoded.spread(branch, rows) for branch, rows in encoded.z.items()}
        embeddings = model.head_stage(z, gathered.valid, update_statistics=True)
        losses = pair_losses(embeddings, gathered.valid, OBJECTIVE)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
    assert summed(losses.per_sample).mean() < 2.5, "of two losses with a floor of log 2 each"
    return model


def _config(place: Path, model: ModelConfig, weights: PairWeights | None = None) -> RunConfig:
    curriculum = CurriculumConfig(
        kind="quantile", score="learnability", reference=str(place), q0=0.2, t0=0, shape="constant"
    )
    return RunConfig(
        data=DataConfig(sources={"made": SourceConfig(shards="none")}),
        stream=STREAM,
        model=model,
        objective=ObjectiveConfig(weights=weights or PairWeights()),
        harmony=HarmonyConfig(curriculum=curriculum),
        engine=_engine(),
    )


def _engine(**changes: Any) -> EngineConfig:
    return EngineConfig(**{"steps": 1, "deepspeed": "configs/deepspeed/zero1_fp32.json", **changes})


def _write_run(folder: Path, model: Vatt) -> Path:
    run = folder / "run"
    checkpoint = run / "checkpoints" / "step_00000001"
    checkpoint.mkdir(parents=True)
    (run / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    (run / "checkpoints" / "latest").write_text(checkpoint.name)
    save_file(model.state_dict(), checkpoint / WEIGHTS)
    (checkpoint / "config.yaml").write_text(yaml.safe_dump(to_mapping(_config(folder, model.config))))
    (checkpoint / "state.json").write_text(json.dumps({"version": VERSION, "step": 1}))
    return run
