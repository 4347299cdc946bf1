"""Row 02.6: every signal at every ZeRO stage and number of ranks gives the update of explicit per-sample gradients.

The reference is one torch process in fp64 without any code of the harmonizer: each sample's gradient of each loss by an
autograd call of its own, cut to the signal's parameters, and PCGrad's closed form for two losses.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.engine.checkpoint import full_weights
from vatt_harmony.engine.deepspeed_config import complete
from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.step import PretrainStep
from vatt_harmony.engine.trunk_signals import check_signal
from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure
from vatt_harmony.harmony.config import HarmonyConfig, Signal
from vatt_harmony.objective.objective import pair_losses, valid_pairs
from vatt_harmony.scale.bench.harmonized import OBJECTIVE, relative
from vatt_harmony.scale.bench.suite import Options, Row, measured, measures
from vatt_harmony.scale.bench.torchjd_rules import largest_deviation
from vatt_harmony.scale.ranks import run_ranks
from vatt_harmony.scale.tiny import random_batch, rows_of, tiny_config, tiny_model, with_audio
from vatt_harmony.stream.batch import Batch

# The parameters whose gradients a signal compares; `representation` compares none.
PARAMETERS: dict[Signal, Callable[[str], bool]] = {
    "representation": lambda name: False,
    "last_linear": lambda name: name == "encoders.shared.blocks.1.wo.weight",
    "last_block": lambda name: name.startswith("encoders.shared.blocks.1."),
    "exact": lambda name: name.startswith("encoders.shared."),
    "batch": lambda name: name.startswith("encoders.shared."),
}
STAGES = (0, 1, 2, 3)
RANKS = (1, 2, 4)
CONFIG = tiny_config(checkpointing=True)
# Far above what one would train with: a change of the weights that fp32 can tell from rounding.
RATE = 1e3
Cell = tuple[Signal, int]


def batch_of_all(dtype: torch.dtype) -> Batch:
    """8 samples; the first two have no text, the last two no sound, single ones lack either."""
    batch = random_batch(8, CONFIG, seed=5)
    batch.text_mask[:2] = False
    batch.audio_mask[6:] = False
    return with_audio(batch, dtype)


def reference(signal: Signal) -> dict[str, Tensor]:
    """Parameter -> realigned gradient by explicit gradients of every sample, fp64, one process."""
    model = tiny_model(CONFIG)
    encoded = encode(model, batch_of_all(torch.float64), torch.device("cpu"))
    z = {branch: encoded.spread(branch, rows) for branch, rows in encoded.z.items()}
    leaves = {branch: rows.detach().requires_grad_() for branch, rows in z.items()}
    losses = pair_losses(model.head_stage(leaves, encoded.valid, update_statistics=False), encoded.valid, OBJECTIVE)
    named = dict(model.named_parameters())
    heads = {name: p for name, p in named.items() if name.startswith("head_stage.")}
    trunk = {name: p for name, p in named.items() if name not in heads}
    compared = torch.cat([torch.full((p.numel(),), PARAMETERS[signal](name)) for name, p in trunk.items()])
    u, gradients = [], []
    for term in losses.terms.values():
        ends = torch.autograd.grad(term, list(leaves.values()), retain_graph=True, materialize_grads=True)
        u.append(torch.cat([end.flatten(1) for end in ends], dim=1))
        for sample in range(len(u[-1])):
            rows = [rows[sample] for rows in z.values()]
            found = torch.autograd.grad(rows, list(trunk.values()), [end[sample] for end in ends], retain_graph=True)
            gradients.append(torch.cat([gradient.flatten() for gradient in found]))
    at_z = torch.stack(u, dim=1)
    of_samples = torch.stack(gradients).view(len(u), -1, len(compared)).transpose(0, 1)
    seen = at_z if signal == "representation" else of_samples[:, :, compared]
    both = torch.stack([valid_pairs(encoded.valid)[pair] for pair in losses.terms]).all(dim=0)
    if signal == "batch":
        seen, both = seen.sum(dim=0, keepdim=True).expand_as(seen), torch.ones_like(both)
    update = (pcgrad_of_two(seen, both)[:, :, None] * of_samples).sum(dim=(0, 1))
    plain = torch.autograd.grad(losses.total, list(heads.values()))
    parts = dict(zip(trunk, torch.split(update, [p.numel() for p in trunk.values()]), strict=True))
    return parts | {name: gradient.flatten() for name, gradient in zip(heads, plain, strict=True)}


def pcgrad_of_two(gradients: Tensor, both: Tensor) -> Tensor:
    """Closed-form weights `[B, 2]` of two losses' gradients `[B, 2, P]`; 1 where a sample has not `both`."""
    first, second = gradients.unbind(dim=1)
    product = (first * second).sum(dim=1, keepdim=True)
    weights = (1 - product / gradients.square().sum(dim=2)).clamp(max=HarmonyConfig().w_max)
    return torch.where((product < 0) & both[:, None], weights, 1.0)


def updates(rank: int, world_size: int, cells: Sequence[Cell]) -> dict[Cell, dict[str, Tensor]]:
    """(signal, stage) -> parameter -> what one step of the trainer took from it, over the rate. All ranks call it."""
    import deepspeed
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed("gloo", verbose=False)
    process = Process(rank=rank, world_size=world_size, device=torch.device("cpu"))
    own = rows_of(batch_of_all(torch.float32), rank, world_size)
    taken = {}
    for signal, stage in cells:
        model = tiny_model(CONFIG, dtype=torch.float32)
        before = {name: p.detach().double().flatten() for name, p in model.named_parameters()}
        engine, *_ = deepspeed.initialize(
            model=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=RATE),
            config=complete(_settings(stage), len(own) * world_size, world_size, 0.0),
            dist_init_required=False,
        )
        harmony = HarmonyConfig(signal=signal)
        PretrainStep(engine, OBJECTIVE, harmony, process, lambda step: RATE, patience=1, seed=0)(own)
        after = dict(full_weights(engine.module))
        taken[signal, stage] = {name: (b - after[name].double().flatten()) / RATE for name, b in before.items()}
        engine.destroy()
    return taken


def refusal(signal: Signal, stage: int) -> str:
    """Why the signal cannot be had at this stage; "" where it can."""
    try:
        check_signal(HarmonyConfig(signal=signal), stage, CONFIG.dropout, 0)
    except UserError as error:
        return error.what.partition(": ")[2]
    return ""


def largest_errors(cells: Sequence[Cell], world_sizes: Sequence[int]) -> dict[Cell, float]:
    """(signal, stage) -> largest relative error of the whole update over the numbers of ranks."""
    wanted = {signal: reference(signal) for signal in dict.fromkeys(signal for signal, _ in cells)}
    errors = dict.fromkeys(cells, 0.0)
    for world_size in world_sizes:
        found, *_ = run_ranks(updates, world_size, cells)
        for (signal, stage), parts in found.items():
            flat = torch.cat([parts[name] for name in wanted[signal]])
            error = relative(flat, torch.cat(list(wanted[signal].values())))
            errors[signal, stage] = max(errors[signal, stage], error)
    return errors


def _settings(stage: int) -> dict[str, Any]:
    return {
        "zero_optimization": {"stage": stage, "stage3_param_persistence_threshold": 0},
        "zero_allow_untested_optimizer": True,
        "gradient_clipping": 0.0,  # DeepSpeed's default is 1
    }


MEASURES = measures(
    "02.6",
    *[
        (f"{signal} at ZeRO {stage}: {kind}", goal, "")
        for signal in PARAMETERS
        for stage in STAGES
        for kind, goal in [
            (f"refused: {refusal(signal, stage)}", "== 1")
            if refusal(signal, stage)
            else ("largest relative error of the update on 1, 2 and 4 ranks", "<= 1e-5")
        ]
    ],
    ("rules of the Gram matrix: largest relative deviation from TorchJD", "<= 1e-6", ""),
)


def run(options: Options) -> list[Figure]:
    """All cells, 1 where one is refused. Without torchjd the last figure has no value."""
    cells = [(signal, stage) for signal in PARAMETERS for stage in STAGES]
    errors = largest_errors([cell for cell in cells if not refusal(*cell)], RANKS)
    figures = measured(MEASURES[:-1], *[errors.get(cell, float(bool(refusal(*cell)))) for cell in cells])
    try:
        return [*figures, replace(MEASURES[-1], value=max(largest_deviation().values()))]
    except ImportError:
        return [*figures, MEASURES[-1]]


ROW = Row(
    id="02.6",
    title="signals x ZeRO stages x ranks with pcgrad, against explicit per-sample gradients",
    takes="four minutes",
    measures=MEASURES,
    run=run,
)
