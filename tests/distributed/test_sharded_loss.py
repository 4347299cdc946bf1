"""Similarities divided over 2 and 4 ranks give the losses, gradients and decisions of one rank (gloo)."""

from pathlib import Path

import pytest
import torch
from support.ranks import run_ranks
from torch import Tensor

from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.surrogate import gather, judge, surrogate
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.objective import ObjectiveConfig, PairWeights, Ranks, pair_losses
from vatt_harmony.scale.bench.harmonized import QUANTILE, relative
from vatt_harmony.scale.tiny import random_batch, rows_of, tiny_config, tiny_model, with_audio

SIZES = {"uneven": 11, "fewer samples than ranks": 3, "nobody valid": 6}
WHOLE, DIVIDED = {}, {"tile": 3, "shard_above": 0}
HARMONY = HarmonyConfig(curriculum=QUANTILE)


def losses(rank: int, world_size: int, options: dict[str, int]) -> dict[str, Tensor]:
    """Everything that comes of a batch's embeddings, for every batch of SIZES and every mode."""
    results = {}
    for name, size in SIZES.items():
        generator = torch.Generator().manual_seed(size)
        shapes = (size, 4), (size, 4), (size, 2, 4)
        video, audio, text = (
            torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes
        )
        mask = torch.rand(size, 2, generator=generator) < (0.0 if name == "nobody valid" else 0.8)
        valid = {"video": torch.ones(size, dtype=torch.bool), "audio": mask[:, 0], "text": mask}
        for mode in ("asymmetric", "symmetric", "paper"):
            config = ObjectiveConfig(mode=mode, weights=PairWeights(video_text=2.0), **options)
            pairs = {"video_audio": (video, audio), "video_text": (video, text)}
            found = pair_losses(pairs, valid, config, ranks=Ranks(rank=rank, world_size=world_size))
            gradients = torch.autograd.grad(found.total, (video, audio, text))
            parts = [*found.per_sample.values(), *found.masses.values(), *found.recall.values(), *gradients]
            results[f"{name}, {mode}"] = torch.cat([part.flatten().nan_to_num(-1.0) for part in parts])
    return results


def step(rank: int, world_size: int, options: dict[str, int]) -> dict[str, Tensor]:
    """One harmonized step on this rank's slice of a batch."""
    config, objective = tiny_config(), ObjectiveConfig(**options)
    model = tiny_model(config)
    batch = random_batch(16, config, seed=3)
    batch.text_mask[:8] = False  # ranks without a valid pair of video and text
    own = rows_of(with_audio(batch, torch.float64), rank, world_size)
    encoded = encode(model, own, torch.device("cpu"))
    gathered = gather(encoded, HARMONY.kernel_branches(model.shared_branches), rank, world_size)
    judged = judge(gathered, model.head_stage, objective, HARMONY, model.shared_branches, HarmonyState(), 0)
    surrogate(encoded, gathered, judged, model.head_stage, objective).backward()
    flat = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    if world_size > 1:
        torch.distributed.all_reduce(flat)
    assert judged.harmonized is not None
    return {
        "losses": torch.stack(list(judged.losses.terms.values())),
        "gradients": flat / world_size,
        "keep": judged.harmonized.keep.double(),
    }


def everything(rank: int, world_size: int, options: dict[str, int]) -> dict[str, Tensor]:
    return losses(rank, world_size, options) | step(rank, world_size, options)


@pytest.mark.parametrize("world_size", [4])
def test_ranks_together_are_one_rank_with_the_whole_matrix(world_size: int, tmp_path: Path) -> None:
    wanted = everything(0, 1, WHOLE)
    results = run_ranks(everything, world_size, tmp_path, DIVIDED)
    for name, value in wanted.items():
        assert relative(results[0][name], value) <= 1e-12, name
        assert all(torch.equal(result[name], results[0][name]) for result in results), name
