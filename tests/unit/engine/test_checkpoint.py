import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file
from support.batches import tiny_model

from vatt_harmony.config import from_mapping, to_mapping
from vatt_harmony.engine.checkpoint import (
    _retain,
    find_checkpoint,
    full_weights,
    latest_checkpoint,
    load_into,
    load_weights,
    remove_unfinished,
)
from vatt_harmony.engine.config import RunConfig
from vatt_harmony.engine.resume import check_partitions, check_same_run
from vatt_harmony.errors import UserError

CONFIG = from_mapping(
    RunConfig, {"data": {"sources": {"a": {"shards": "x"}}}, "stream": {"global_batch": 8}, "engine": {"steps": 10}}
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the checkpoints of steps 4, 8 and 12; the newest holds weights."""
    for step in (4, 8, 12):
        folder = tmp_path / "checkpoints" / f"step_{step:08d}"
        folder.mkdir(parents=True)
        (folder / "state.json").write_text(json.dumps({"version": 1, "step": step, "world_size": 2, "zero_stage": 1}))
        (folder / "config.yaml").write_text(yaml.safe_dump(to_mapping(CONFIG), sort_keys=False))
    save_file(dict(full_weights(tiny_model(dtype=torch.float32))), folder / "weights.safetensors")
    (tmp_path / "checkpoints" / "latest").write_text("step_00000012\n")
    return tmp_path


def test_the_newest_by_the_pointer_not_by_the_number(run):
    assert latest_checkpoint(run) == find_checkpoint(run) == run / "checkpoints" / "step_00000012"
    (run / "checkpoints" / "latest").write_text("step_00000004\n")
    assert find_checkpoint(run).name == "step_00000004"
    assert find_checkpoint(run / "checkpoints" / "step_00000008").name == "step_00000008"
    assert latest_checkpoint(run / "nowhere") is None


@pytest.mark.parametrize(("newest", "keep", "left"), [(12, 1, [12]), (12, 2, [8, 12]), (12, 0, [4, 8, 12]),
                                                     (4, 1, [4, 8, 12]), (8, 1, [8, 12])])  # fmt: skip
def test_retention_spares_the_newest_also_after_going_back(run, newest, keep, left):
    _retain(run, f"step_{newest:08d}", keep)
    assert sorted(int(path.name[5:]) for path in (run / "checkpoints").glob("step_*")) == left


def test_unfinished_ones_are_removed_and_nothing_else(run):
    (run / "checkpoints" / ".step_00000016.part" / "deepspeed").mkdir(parents=True)
    remove_unfinished(run)
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "latest", "step_00000004", "step_00000008", "step_00000012"
    ]  # fmt: skip


def test_weights_come_back_into_a_model_of_their_shape_only(run):
    weights, config = load_weights(find_checkpoint(run))
    assert config == CONFIG
    model = tiny_model(seed=1, dtype=torch.float32)
    load_into(model, weights, run)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    name = next(iter(weights))
    with pytest.raises(UserError, match=f"1 weights .* {name}"):
        load_into(model, {key: value for key, value in weights.items() if key != name}, run)
    with pytest.raises(UserError, match="stranger"):
        load_into(model, weights | {"stranger": weights[name]}, run)


def test_what_may_change_is_told_and_the_rest_refused_by_name(run):
    checkpoint = find_checkpoint(run)
    assert check_same_run(checkpoint, CONFIG) == []
    free = replace(
        CONFIG,
        engine=replace(CONFIG.engine, steps=20, log_every=3),
        stream=replace(CONFIG.stream, workers=0),
        optim=replace(CONFIG.optim, lr=0.5),
    )
    assert check_same_run(checkpoint, free) == [
        "stream.workers was 2, is 0", "optim.lr was 0.0001, is 0.5", "engine.steps was 10, is 20",
        "engine.log_every was 10, is 3",
    ]  # fmt: skip
    for fixed, told in (
        (replace(CONFIG, seed=3), "seed was 0, is 3"),
        (replace(CONFIG, stream=replace(CONFIG.stream, crop="center")), "stream.crop was 'inception', is 'center'"),
        (replace(CONFIG, model=replace(CONFIG.model, d_va=8)), "model.d_va was 512, is 8"),
        (replace(CONFIG, optim=replace(CONFIG.optim, betas=(0.9, 0.95))), "optim.betas was"),
    ):
        with pytest.raises(UserError, match=told):
            check_same_run(checkpoint, fixed)


def test_partitions_fit_their_stage_and_ranks():
    state = {"zero_stage": 2, "world_size": 4}
    check_partitions(Path("c"), state, 2, 4)
    check_partitions(Path("c"), {"zero_stage": 0, "world_size": 4}, 0, 3)
    with pytest.raises(UserError, match="stage 2, this run uses stage 1"):
        check_partitions(Path("c"), state, 1, 4)
    with pytest.raises(UserError, match="by 4 ranks at ZeRO stage 2, this run has 2"):
        check_partitions(Path("c"), state, 2, 2)
