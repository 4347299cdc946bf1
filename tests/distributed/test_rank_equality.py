"""1, 2 and 4 ranks give the same losses, cosines, weights and gradients (torch and gloo, no engine, fp64)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from support.batches import random_batch, rows_of, tiny_config, tiny_model, tiny_specific
from support.ranks import run_ranks

from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.surrogate import gather, judge, surrogate
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.harmonizer import HarmonyState
from vatt_harmony.objective.config import ObjectiveConfig

MODELS = {"agnostic": tiny_config(), "paper heads": tiny_config(heads="paper"), "specific": tiny_specific()}
HARMONY = HarmonyConfig(curriculum=CurriculumConfig(kind="quantile", q0=0.3, t0=0, shape="constant"))


def one_step(rank: int, world_size: int, name: str) -> dict[str, Any]:
    """One harmonized step on this rank's slice; gradients averaged over ranks, as an engine does."""
    config = MODELS[name]
    model = tiny_model(config)
    batch = random_batch(16, config, seed=3)
    # The first half of the batch has no text at all, the last quarter no sound: ranks without a valid row.
    batch.text_mask[:8] = False
    batch.audio_mask[12:] = False
    own = rows_of(replace(batch, audio=batch.audio.double()), rank, world_size)
    objective = ObjectiveConfig()
    encoded = encode(model, own, torch.device("cpu"))
    gathered = gather(encoded, HARMONY.kernel_branches(model.shared_branches), rank, world_size)
    judged = judge(gathered, model.head_stage, objective, HARMONY, model.shared_branches, HarmonyState(), 0)
    surrogate(encoded, gathered, judged, model.head_stage, objective).backward()
    assert all(p.grad is not None for p in model.parameters())
    flat = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    if world_size > 1:
        dist.all_reduce(flat)
    assert judged.harmonized is not None
    return {
        "losses": torch.stack(list(judged.losses.terms.values())).detach(),
        "cosines": judged.harmonized.cosines.nan_to_num(9.0),
        "weights": torch.stack(list(judged.harmonized.weights.values())),
        "keep": judged.harmonized.keep.double(),
        "gradient": flat / world_size,
        "statistics": torch.cat([b.double().flatten() for n, b in model.named_buffers() if "running" in n]),
    }


def all_models(rank: int, world_size: int) -> dict[str, dict[str, Any]]:
    return {name: one_step(rank, world_size, name) for name in MODELS}


@pytest.mark.parametrize("world_size", [2, 4])
def test_ranks_do_not_matter(world_size: int, tmp_path: Path) -> None:
    alone = all_models(0, 1)
    for result in run_ranks(all_models, world_size, tmp_path):
        for name in MODELS:
            for quantity, wanted in alone[name].items():
                found = result[name][quantity]
                assert (found - wanted).norm() <= 1e-9 * wanted.norm(), (name, quantity)
    assert (alone["agnostic"]["weights"] != 1).any()
