"""The one scalar whose backward gives the trunk its harmonized and the heads their plain gradients.

z leaves the trunk once. The head stage and all pair losses run, replicated on every rank, on the gathered rows. Every
loss sees its own copy of them, so that one backward of the total gives each loss' gradient at z, and the heads' own.
The harmonizer turns these into one cotangent per row of z. The scalar's backward hands both on: cotangents of a rank's
own rows into the trunk, times W, which undoes the averaging over ranks; the heads' gradients, complete on every rank,
as they are. Only `gather` and the losses of a very large batch (`objective.shard_above`) talk to other ranks, and
nothing knows an engine: `step.py` is the shell.

Under ZeRO-3 no gradient of a parameter can be had before the engine's own backward: there the heads run twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vatt_harmony.engine.encode import Encoded
from vatt_harmony.harmony.config import HarmonyConfig, PairBalanceConfig
from vatt_harmony.harmony.handing_on import handing_on
from vatt_harmony.harmony.harmonizer import Harmonized, harmonize
from vatt_harmony.harmony.pair_balance import coefficients
from vatt_harmony.harmony.signals import activation_kernel, gram_at_output
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.model.heads import HeadStage
from vatt_harmony.model.pairs import PAIRS
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.gather import gather_named
from vatt_harmony.objective.objective import PairLosses, pair_losses
from vatt_harmony.objective.sharded import Ranks

Cotangents = dict[str, dict[str, Tensor]]
"""Pair -> branch -> gradient of the pair's loss at the gathered z."""


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

    @property
    def ranks(self) -> Ranks:
        """Those that hold this batch."""
        return Ranks(rank=self.rank, world_size=self.world_size)

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
class Differentiated:
    """Losses of a global batch and their gradients."""

    losses: PairLosses
    """Without graph."""
    total: Tensor
    """Their sum, scalar."""
    u: Cotangents
    heads: dict[str, Tensor] | None
    """Name -> gradient of the total loss with respect to the head stage's parameters that it reaches; None if they were
    not asked for."""
    pace: dict[str, Tensor]
    """Pair -> factor of its loss by which the pairs are kept in step, scalar; empty without pair balance."""


def differentiate(
    gathered: Gathered,
    head_stage: HeadStage,
    objective: ObjectiveConfig,
    heads: bool = True,
    balance: PairBalanceConfig | None = None,
) -> Differentiated:
    """Gradients of every pair's loss at the gathered z, and with `heads` those of the head stage's parameters.

    `balance` multiplies each loss by its pace first. Nothing is accumulated anywhere; batch-norm statistics stay
    as they are until `take_statistics`.
    """
    pairs = tuple(objective.weights.active())
    users = _users(gathered, pairs)
    leaves = {branch: rows.requires_grad_() for branch, rows in _copies(gathered, users).items()}
    head_stage.forget_statistics()  # of whatever has run since the last step
    named = {name: p for name, p in head_stage.named_parameters() if p.requires_grad} if heads else {}
    embeddings = head_stage(leaves, gathered.valid, update_statistics=False, pairs=pairs)
    losses = pair_losses(embeddings, gathered.valid, objective, ranks=gathered.ranks)
    pace = _pace(losses, gathered, objective, balance) if balance is not None and balance.enabled else {}
    losses = losses.times(pace)
    total = losses.total
    gradients = torch.autograd.grad(total, [*leaves.values(), *named.values()], allow_unused=True)
    at_z = {branch: g.unbind() for branch, g in zip(leaves, gradients[: len(leaves)], strict=True)}
    of_heads = zip(named, gradients[len(leaves) :], strict=True)
    return Differentiated(
        losses=losses.detach(),
        total=total.detach(),
        u={pair: {branch: at_z[branch][users[branch].index(pair)] for branch in PAIRS[pair]} for pair in pairs},
        heads={name: g for name, g in of_heads if g is not None} if heads else None,
        pace=pace,
    )


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Losses of a global batch and what each row of z may send into the trunk."""

    losses: PairLosses
    total: Tensor
    cotangents: dict[str, Tensor]
    """Branch -> gradient at the gathered z, `[B, D]` or `[B, K, D]`."""
    heads: dict[str, Tensor] | None
    """As in `Differentiated`."""
    pace: dict[str, Tensor]
    """As in `Differentiated`."""
    harmonized: Harmonized | None
    """None in plain training."""


def judge(
    gathered: Gathered,
    head_stage: HeadStage,
    objective: ObjectiveConfig,
    harmony: HarmonyConfig,
    shared: tuple[str, ...],
    state: HarmonyState,
    step: int,
    *,
    heads: bool = True,
    trunk_gram: Callable[[Cotangents], Tensor] | None = None,
    scores: Callable[[PairLosses], Tensor | None] = lambda losses: None,
) -> Judged:
    """Losses on the gathered z, their gradients there, and the harmonizer's verdict on them.

    trunk_gram: gives the Gram of signals that need the trunk, on all ranks together; scores: of the curriculum, `[B]`,
    made from the losses, None for the cosines.
    """
    found = differentiate(gathered, head_stage, objective, heads, harmony.balance)
    if not harmony.enabled:
        return _judged(found, _sum(found.u), None)
    if trunk_gram is not None:
        gram = trunk_gram(found.u)
    else:
        gram = gram_at_output(harmony.signal, found.u, gathered.kernel, harmony.compared(shared))
    result = harmonize(
        u=found.u,
        gram=gram,
        valid=found.losses.valid,
        config=harmony,
        shared=shared,
        state=state,
        step=step,
        scores=scores(found.losses),
    )
    return _judged(found, result.cotangents, result)


def surrogate(
    encoded: Encoded,
    gathered: Gathered,
    judged: Judged,
    head_stage: HeadStage,
    objective: ObjectiveConfig,
    share: float = 1.0,
) -> Tensor:
    """The scalar of this module's head; back-propagate it once. Batch-norm statistics stay until `take_statistics`.

    `encoded` may hold some of the batch's rows, the others being in further scalars; then `share` is the part of the
    heads' gradients in this one. Without `judged.heads` the heads run afresh, and so does their backward.
    """
    cotangents = [_own_rows(encoded, gathered, judged, branch) for branch in encoded.z]
    if gathered.world_size > 1:
        cotangents = list(torch._foreach_mul(cotangents, float(gathered.world_size)))
    z = list(encoded.z.values())
    if not share:
        return handing_on(judged.total, z, cotangents)
    if judged.heads is None:
        pairs = tuple(objective.weights.active())
        copies = _copies(gathered, _users(gathered, pairs))
        embeddings = head_stage(copies, gathered.valid, update_statistics=False, pairs=pairs)
        losses = pair_losses(embeddings, gathered.valid, objective, ranks=gathered.ranks).times(judged.pace)
        total = share * losses.total
        return total + handing_on(torch.zeros_like(total), z, cotangents)
    parameters = dict(head_stage.named_parameters())
    heads = list(judged.heads.values()) if share == 1 else list(torch._foreach_mul(list(judged.heads.values()), share))
    return handing_on(judged.total, [*z, *(parameters[name] for name in judged.heads)], [*cotangents, *heads])


def _judged(found: Differentiated, cotangents: dict[str, Tensor], harmonized: Harmonized | None) -> Judged:
    return Judged(
        losses=found.losses,
        total=found.total,
        cotangents=cotangents,
        heads=found.heads,
        pace=found.pace,
        harmonized=harmonized,
    )


def _pace(
    losses: PairLosses, gathered: Gathered, objective: ObjectiveConfig, balance: PairBalanceConfig
) -> dict[str, Tensor]:
    kept = objective.invalid_anchors == "kept"
    negatives = {pair: gathered.valid[PAIRS[pair][0]] if kept else both for pair, both in losses.valid.items()}
    return coefficients(losses.masses, losses.valid, negatives, balance)


def _own_rows(encoded: Encoded, gathered: Gathered, judged: Judged, branch: str) -> Tensor:
    """Cotangents of the rows that this rank encoded; zeros if no loss reaches them, or for a dummy row.

    Every parameter then still takes part on every rank.
    """
    if branch not in judged.cotangents:
        return torch.zeros_like(encoded.z[branch])
    return encoded.collect(branch, gathered.own(judged.cotangents[branch]))


def _sum(u: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Plain training: the gradient of the total loss at z."""
    total: dict[str, Tensor] = {}
    for gradients in u.values():
        for branch, gradient in gradients.items():
            total[branch] = total[branch] + gradient if branch in total else gradient
    return total


def _users(gathered: Gathered, pairs: Sequence[str]) -> dict[str, list[str]]:
    """Branch -> the pairs that use it, in their order."""
    users = {branch: [pair for pair in pairs if branch in PAIRS[pair]] for branch in gathered.z}
    return {branch: found for branch, found in users.items() if found}


def _copies(gathered: Gathered, users: Mapping[str, Sequence[str]]) -> dict[str, Tensor]:
    """Branch -> its rows in fp32 or better, as many times as pairs use it, without taking memory: `[M, B, (K,) D]`."""
    wide = {branch: z if z.dtype == torch.float64 else z.float() for branch, z in gathered.z.items()}
    return {branch: wide[branch].expand(len(found), *wide[branch].shape) for branch, found in users.items()}
