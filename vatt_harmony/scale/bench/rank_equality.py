"""Row 01.5: 1, 2 and 4 ranks give the same losses, cosines, weights and gradients (torch and gloo, no engine, fp64)."""

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor

from vatt_harmony.figures import Figure
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.scale.bench.harmonized import QUANTILE, relative, step_scalar
from vatt_harmony.scale.bench.suite import Options, Row, measured, measures
from vatt_harmony.scale.ranks import run_ranks
from vatt_harmony.scale.tiny import random_batch, rows_of, tiny_config, tiny_model, tiny_specific, with_audio

MODELS = {"agnostic": tiny_config(), "paper heads": tiny_config(heads="paper"), "specific": tiny_specific()}
HARMONY = HarmonyConfig(curriculum=QUANTILE)
QUANTITIES = ("losses", "cosines", "weights", "gradients")
Results = Mapping[str, Mapping[str, Tensor]]


def one_step(rank: int, world_size: int, name: str) -> dict[str, Tensor]:
    """One harmonized step on this rank's slice; gradients averaged over ranks, as an engine does."""
    config = MODELS[name]
    model = tiny_model(config)
    batch = random_batch(16, config, seed=3)
    # The first half of the batch has no text at all, the last quarter no sound: ranks without a valid row.
    batch.text_mask[:8] = False
    batch.audio_mask[12:] = False
    own = rows_of(with_audio(batch, torch.float64), rank, world_size)
    scalar, _, judged = step_scalar(model, model, own, HARMONY, rank, world_size)
    torch.autograd.backward(scalar)
    flat = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    if world_size > 1:
        dist.all_reduce(flat)
    harmonized = judged.harmonized
    assert harmonized is not None
    return {
        "losses": torch.stack(list(judged.losses.terms.values())),
        "cosines": harmonized.cosines.nan_to_num(9.0),
        "weights": torch.stack(list(harmonized.weights.values())),
        "gradients": flat / world_size,
        "keep": harmonized.keep.double(),
        "statistics": torch.cat([b.double().flatten() for n, b in model.named_buffers() if "running" in n]),
    }


def all_models(rank: int, world_size: int) -> dict[str, dict[str, Tensor]]:
    """`one_step` of every model."""
    return {name: one_step(rank, world_size, name) for name in MODELS}


def largest_errors(world_sizes: tuple[int, ...] = (2, 4)) -> tuple[dict[str, float], Results]:
    """Quantity -> largest relative error over models, ranks and numbers of ranks; and the results of one process."""
    alone = all_models(0, 1)
    errors = dict.fromkeys(alone["agnostic"], 0.0)
    for world_size in world_sizes:
        for result in run_ranks(all_models, world_size):
            for name, wanted in alone.items():
                for quantity, value in wanted.items():
                    errors[quantity] = max(errors[quantity], relative(result[name][quantity], value))
    return errors, alone


MEASURES = measures(
    "01.5", *[(f"1 = 2 = 4 ranks, {name}: largest relative error", "<= 1e-9", "") for name in QUANTITIES]
)


def run(options: Options) -> list[Figure]:
    """Two numbers of ranks against one process, three models."""
    errors, _ = largest_errors()
    return measured(MEASURES, *[errors[quantity] for quantity in QUANTITIES], n=2 * len(MODELS))


ROW = Row(id="01.5", title="1 = 2 = 4 ranks", takes="half a minute", measures=MEASURES, run=run)
