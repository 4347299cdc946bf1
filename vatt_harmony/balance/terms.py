"""Terms of the loss, normalised by global counts: averaged over ranks their gradients are those of one batch."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vatt_harmony.balance.reduce import global_mean, world_size
from vatt_harmony.balance.scores import at_least_fp32
from vatt_harmony.balance.sums import Sums
from vatt_harmony.balance.task import Judged, Task


def local_fused(task: Task, logits: Tensor, targets: Tensor, kept: Mapping[str, Tensor]) -> Tensor:
    """[] mean fused loss over this rank's samples; over all ranks' where features were dropped.

    Samples that kept no modality (bool `[B]` each) do not count; of a rank without samples it is 0.
    """
    logits = at_least_fp32(logits)
    if not len(targets):
        return logits.sum()  # 0, with all gradients: a mean of nothing would be NaN
    if not kept:
        return task.fused_loss(logits, targets)
    losses = task.judge(logits.unsqueeze(0), targets).losses[0]
    return global_mean(losses, torch.stack(tuple(kept.values())).any(0))


def judge_heads(task: Task, unimodal: Mapping[str, Tensor], modalities: Sequence[str], targets: Tensor) -> Judged:
    """Losses, scores and correctness `[M, B]` of the heads; an encoder that did not run counts as all zeros."""
    known = next(iter(unimodal.values()))
    outputs = torch.stack([unimodal.get(name, torch.zeros_like(known)) for name in modalities])
    return task.judge(at_least_fp32(outputs), targets)


def unimodal_terms(losses: Tensor, mask: Tensor | None, sums: Sums) -> Tensor:
    """[M] mean loss of each head over the samples of all ranks that have the modality, 0 of none.

    losses `[M, B]`, mask bool `[M, B]` (None: every sample has all), `sums` over all ranks.
    """
    if mask is None and world_size() == 1 and losses.shape[-1]:
        return losses.mean(-1)
    total = losses.sum(-1) if mask is None else torch.where(mask, losses, 0.0).sum(-1)
    return total * (world_size() / sums.counts.clamp(min=1)).to(losses.dtype)


def total_loss(fused: Tensor, unimodal: Tensor, weight: float, weights: Sequence[float], k: Tensor | None) -> Tensor:
    """[] weight x fused + sum of weights x unimodal `[M]`, or empty; at the point `loss` k `[M]` weighs them."""
    total = fused if weight == 1 else fused * weight
    if not len(unimodal):
        return total
    if any(own != 1 for own in weights):
        unimodal = unimodal * unimodal.new_tensor(weights)
    return total + (unimodal if k is None else unimodal * k.to(unimodal)).sum()
