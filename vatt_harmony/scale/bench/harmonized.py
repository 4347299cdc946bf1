"""One step of the package on a model without an engine, and the ordinary step it is compared with."""

from typing import Any

import torch
from torch import Tensor

from vatt_harmony.engine.encode import Encoded, encode
from vatt_harmony.engine.surrogate import Judged, gather, judge, surrogate
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import pair_losses
from vatt_harmony.stream.batch import Batch

QUANTILE = CurriculumConfig(kind="quantile", q0=0.3, t0=0, shape="constant")
"""A curriculum that drops three pairs in ten from the first step on."""
OBJECTIVE = ObjectiveConfig()


def step_scalar(
    forward: Any, model: Vatt, batch: Batch, harmony: HarmonyConfig, rank: int = 0, world_size: int = 1
) -> tuple[Tensor, Encoded, Judged]:
    """The scalar to back-propagate; `forward` is the model or an engine around it. All ranks must call it."""
    encoded = encode(forward, batch, next(model.parameters()).device)
    gathered = gather(encoded, harmony.kernel_branches(model.shared_branches), rank, world_size)
    heads = forward is model or (forward.zero_optimization_stage() < 3 and not forward.fp16_enabled())
    judged = judge(
        gathered, model.head_stage, OBJECTIVE, harmony, model.shared_branches, HarmonyState(), 0, heads=heads
    )
    return surrogate(encoded, gathered, judged, model.head_stage, OBJECTIVE), encoded, judged


def harmonized_backward(model: Vatt, batch: Batch, harmony: HarmonyConfig) -> Judged:
    """Fill the model's gradients by one step of the package, one process."""
    model.zero_grad(set_to_none=True)
    scalar, _, judged = step_scalar(model, model, batch, harmony)
    torch.autograd.backward(scalar)
    model.head_stage.take_statistics()
    return judged


def plain_backward(model: Vatt, batch: Batch) -> None:
    """Fill the model's gradients by ordinary training: one forward, the total loss, one backward."""
    model.zero_grad(set_to_none=True)
    encoded = encode(model, batch, next(model.parameters()).device)
    z = {branch: encoded.spread(branch, rows) for branch, rows in encoded.z.items()}
    losses = pair_losses(model.head_stage(z, encoded.valid, update_statistics=True), encoded.valid, OBJECTIVE)
    torch.autograd.backward(losses.total)


def gradients(model: Vatt, part: str = "") -> Tensor:
    """All gradients of parameters whose name begins with `part`, flat; zeros where there is none."""
    named = [(name, p) for name, p in model.named_parameters() if name.startswith(part)]
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten().clone() for _, p in named])


def relative(found: Tensor, wanted: Tensor) -> float:
    """Norm of the difference over the norm of what is wanted."""
    return float((found - wanted).norm() / wanted.norm())
