"""The one scalar whose backward gives the trunk its harmonized and the heads their plain gradients.

z leaves the trunk once. The head stage and all pair losses run, replicated on every rank, on the gathered rows; each
loss is differentiated to z only; the harmonizer turns these gradients into one cotangent per row of z. Then

    S = sum over own rows <W * cotangent, z>  +  sum over pairs L(head stage(detached z))

is back-propagated once: the first part through the trunk, the second through the heads. The factor W undoes the
averaging over ranks, since each rank holds only its own rows; head gradients are complete on every rank, so averaging
leaves them as they are. Only `gather` talks to other ranks, and nothing knows an engine: `step.py` is the shell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.engine.encode import Encoded
from vatt_harmony.engine.gather import gather_named
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.harmonizer import Harmonized, HarmonyState, harmonize
from vatt_harmony.harmony.signals import activation_kernel
from vatt_harmony.model.heads import HeadStage
from vatt_harmony.model.pairs import PAIRS
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import PairLosses, pair_losses, valid_pairs


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The global batch above the trunk, equal on all ranks."""

    z: dict[str, Tensor]
    """Branch -> `[B, D]` or `[B, K, D]`, zeros where not valid."""
    kernel: Tensor | None
    """Inner products of the activations `[B, S, S]`; None where the signal needs none."""
    valid: dict[str, Tensor]
    rank: int
    world_size: int

    def own(self, rows: Tensor) -> Tensor:
        """This rank's slice of gathered rows."""
        count = rows.shape[0] // self.world_size
        return rows[self.rank * count : (self.rank + 1) * count]


def gather(encoded: Encoded, kernel_branches: Sequence[str], rank: int, world_size: int) -> Gathered:
    """All ranks' rows; the activations of `kernel_branches`, if any, as their kernel. All ranks must call it."""
    rows = {f"z/{branch}": encoded.spread(branch, z.detach()) for branch, z in encoded.z.items()}
    rows |= {f"valid/{branch}": mask for branch, mask in encoded.valid.items()}
    if kernel_branches:
        act = {branch: encoded.spread(branch, encoded.act[branch]) for branch in kernel_branches}
        rows["kernel"] = activation_kernel(act, kernel_branches)
    full = gather_named(rows)

    def part(name: str) -> dict[str, Tensor]:
        return {key.split("/")[1]: value for key, value in full.items() if key.startswith(f"{name}/")}

    return Gathered(z=part("z"), kernel=full.get("kernel"), valid=part("valid"), rank=rank, world_size=world_size)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Losses of a global batch and what each row of z may send into the trunk."""

    losses: PairLosses
    cotangents: dict[str, Tensor]
    """Branch -> gradient at the gathered z, `[B, D]` or `[B, K, D]`."""
    harmonized: Harmonized | None
    """None in plain training."""


def differentiate(
    gathered: Gathered, head_stage: HeadStage, objective: ObjectiveConfig
) -> tuple[dict[str, dict[str, Tensor]], PairLosses]:
    """Pair -> branch -> gradient of the pair's loss at the gathered z, and the losses; no parameter gets a gradient.

    Every loss has a head stage of its own, over its two branches only: under ZeRO-3 a graph can be differentiated once.
    """
    leaves = {
        branch: z.to(torch.promote_types(torch.float32, z.dtype)).requires_grad_() for branch, z in gathered.z.items()
    }
    losses = PairLosses(terms={}, per_sample={}, recall={})
    u = {}
    for pair in objective.weights.active():
        ends = {branch: leaves[branch] for branch in PAIRS[pair]}
        embeddings = head_stage(ends, gathered.valid, update_statistics=False)
        loss = pair_losses(embeddings, gathered.valid, objective, only=(pair,))
        gradients = torch.autograd.grad(loss.terms[pair], list(ends.values()))
        u[pair] = dict(zip(ends, gradients, strict=True))
        losses |= loss.detach()
    return u, losses


def judge(
    gathered: Gathered,
    head_stage: HeadStage,
    objective: ObjectiveConfig,
    harmony: HarmonyConfig,
    shared: tuple[str, ...],
    state: HarmonyState,
    step: int,
) -> Judged:
    """Losses on the gathered z, their gradients there, and the harmonizer's verdict on them."""
    u, losses = differentiate(gathered, head_stage, objective)
    if not harmony.enabled:
        return Judged(losses=losses, cotangents=_sum(u), harmonized=None)
    validity = valid_pairs(gathered.valid)
    result = harmonize(
        u=u,
        kernel=gathered.kernel,
        valid={pair: validity[pair] for pair in u},
        config=harmony,
        shared=shared,
        state=state,
        step=step,
    )
    return Judged(losses=losses, cotangents=dict(result.cotangents), harmonized=result)


def surrogate(
    encoded: Encoded, gathered: Gathered, judged: Judged, head_stage: HeadStage, objective: ObjectiveConfig
) -> Tensor:
    """The scalar S of this module's head; back-propagate it once. It is not the loss: never log it.

    The heads run afresh on the detached rows: under ZeRO-3 the parameters of the first run are gone by now.
    """
    leaves = {branch: z.to(torch.promote_types(torch.float32, z.dtype)) for branch, z in gathered.z.items()}
    embeddings = head_stage(leaves, gathered.valid, update_statistics=True)
    scalar = pair_losses(embeddings, gathered.valid, objective).total
    for branch, z in encoded.z.items():
        wide = z.to(leaves[branch].dtype)
        if branch not in judged.cotangents or not encoded.exists[branch]:
            # No loss reaches it, or a dummy row: every parameter still takes part on every rank.
            scalar = scalar + 0.0 * wide.sum()
            continue
        own = gathered.own(judged.cotangents[branch]).flatten(0, -2)[encoded.rows[branch]]
        scalar = scalar + (wide * (own * gathered.world_size)).sum()
    return scalar


def _sum(u: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Plain training: the gradient of the total loss at z."""
    total: dict[str, Tensor] = {}
    for gradients in u.values():
        for branch, gradient in gradients.items():
            total[branch] = total[branch] + gradient if branch in total else gradient
    return total
