"""One training step of the package without an engine: encode, judge, one backward, one update."""

from collections.abc import Callable

import torch
from torch import Tensor

from vatt_harmony.engine.encode import encode
from vatt_harmony.engine.surrogate import Cotangents, Judged, gather, judge, surrogate
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.signals import gram_at_output
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import PairLosses
from vatt_harmony.stream.batch import Batch

Scores = Callable[[PairLosses], Tensor | None]


def take_step(
    model: Vatt,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    objective: ObjectiveConfig,
    harmony: HarmonyConfig,
    step: int,
    *,
    clip: float,
    order: Tensor | None = None,
    scores: Scores = lambda losses: None,
) -> Judged:
    """Update the model by one batch; returns the losses and the harmonizer's verdict.

    order: int64 `[B]`, the row whose Gram each row is given; None for its own. scores: of the curriculum.
    """
    optimizer.zero_grad(set_to_none=True)
    encoded = encode(model, batch, next(model.parameters()).device)
    shared = model.shared_branches
    gathered = gather(encoded, harmony.kernel_branches(shared), 0, 1)

    def reordered(u: Cotangents) -> Tensor:
        return gram_at_output(harmony.signal, u, gathered.kernel, harmony.compared(shared))[order]

    judged = judge(
        gathered,
        model.head_stage,
        objective,
        harmony,
        shared,
        HarmonyState(),
        step,
        trunk_gram=None if order is None else reordered,
        scores=scores,
    )
    torch.autograd.backward(surrogate(encoded, gathered, judged, model.head_stage, objective))
    model.head_stage.take_statistics()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return judged
