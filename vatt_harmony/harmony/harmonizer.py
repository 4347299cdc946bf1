"""The harmonizer: from the losses' gradients at the trunk's output to the one cotangent that each sample sends down.

Defined by this project after Wu et al., arXiv 2211.02077. Everything that couples samples lies above the trunk's
output, so scaling a sample's cotangents there is exactly the re-weighting of its gradients of all trunk parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.curriculum import select
from vatt_harmony.harmony.rules import RULES
from vatt_harmony.harmony.signals import SIGNALS, Gradients
from vatt_harmony.harmony.statistics import statistics
from vatt_harmony.objective.precision import without_autocast

_KEPT_BY_VT_ONLY = "video_audio"


@dataclass(frozen=True, kw_only=True)
class HarmonyState:
    """What the harmonizer carries from step to step."""

    empty_steps: Tensor | int = 0
    """Steps so far in which the curriculum left no sample; a tensor on the device until it is saved."""

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON; waits for the device."""
        return {"version": 1, "empty_steps": int(self.empty_steps)}

    @classmethod
    def from_state_dict(cls, saved: Mapping[str, Any]) -> "HarmonyState":
        """Read what `state_dict` wrote; raises UserError for another version."""
        if saved.get("version") != 1:
            raise UserError(
                f"The harmonizer's state has version {saved.get('version')!r}, this release reads version 1.",
                "Continuing would mix two definitions of the harmonizer.",
                "Continue with the release that wrote the checkpoint, or take its weights only (--init).",
            )
        return cls(empty_steps=int(saved["empty_steps"]))


@dataclass(frozen=True, kw_only=True)
class Harmonized:
    """Result of `harmonize` on one global batch of B samples."""

    cotangents: dict[str, Tensor]
    """Branch → gradient to send into the trunk, `[B, D]` or `[B, K, D]`."""
    keep: Tensor
    """Bool `[B]`, false where the curriculum dropped the sample (with `vt_only`: all its losses but video_audio)."""
    weights: dict[str, Tensor]
    """Loss → weight `[B]` in the compared branches, normalisation of the curriculum included."""
    cosines: Tensor
    """Lowest cosine between the losses' gradients `[B]`; NaN where the sample has no two losses to compare."""
    stats: dict[str, Tensor] = field(repr=False)
    """0-d tensors by name, NaN where the batch has nothing to average."""
    state: HarmonyState
    """State after this step."""


@torch.no_grad()
def harmonize(
    u: Gradients,
    kernel: Tensor | None,
    valid: Mapping[str, Tensor],
    config: HarmonyConfig,
    shared: Sequence[str],
    state: HarmonyState,
    step: int,
) -> Harmonized:
    """Compare each sample's losses and re-weight their gradients at the trunk's output; pure, without communication.

    u: loss → branch → gradient of that loss (with its weight and its mean over the global valid count) at the trunk's
    output `[B, D]` or `[B, K, D]`, fp32 or better; kernel: `activation_kernel` of `config.kernel_branches(shared)`,
    `[B, S, S]`, None unless the signal is last_linear; valid: loss → bool `[B]`; shared: branches that run through the
    trunk shared by several losses, the others are not realigned; step counts optimizer steps from 0.
    Every rank calls it on the same gathered batch. Samples with fewer than two comparable losses have weight 1 and are
    kept. Raises UserError if fewer than two losses reach the compared branches. Source: after arXiv 2211.02077.
    """
    compared = config.compared(shared)
    present = torch.stack([valid[loss] for loss in u], dim=1)
    gram, active, degenerate = _compare(u, kernel, present, config, compared)
    cosines = _lowest_cosine(gram, active)
    droppable = present.new_tensor([config.curriculum.drop == "both" or loss != _KEPT_BY_VT_ONLY for loss in u])
    selection = select(cosines, present, droppable, config.curriculum, step)
    factors = selection.factors.to(gram.dtype)
    unclamped = RULES[config.rule](gram, active)
    weights = unclamped.clamp(max=config.w_max) * factors
    stats = statistics(gram, active, cosines, selection.keep, unclamped, config.w_max)
    return Harmonized(
        cotangents=_cotangents(u, weights, factors, compared),
        keep=selection.keep,
        weights=dict(zip(u, weights.unbind(dim=1), strict=True)),
        cosines=cosines,
        stats=stats | {"degenerate": degenerate, "empty": selection.empty},
        state=HarmonyState(empty_steps=state.empty_steps + selection.empty),
    )


def _compare(
    u: Gradients, kernel: Tensor | None, present: Tensor, config: HarmonyConfig, compared: Sequence[str]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gram `[B, M, M]`, losses to compare `[B, M]`, number of samples with a valid loss without usable gradient."""
    reaching = [any(branch in compared for branch in u[loss]) for loss in u]
    if sum(reaching) < 2:
        raise UserError(
            f"Of the losses {list(u)} fewer than two reach the compared branches {compared}.",
            "Nothing can be harmonized.",
            "Give two losses of objective.weights a value above 0, or set harmony.enabled to false.",
        )
    # u holds the factor 1 / valid count; undone with one number for all losses (another would change the weights),
    # lest squares underflow at large batches.
    scale = present.sum(dim=0).amax()
    scaled = {loss: {b: g * scale for b, g in u[loss].items() if b in compared} for loss in u}
    with without_autocast(present.device):
        gram = SIGNALS[config.signal](scaled, kernel, compared)
    squared_norm = gram.diagonal(dim1=1, dim2=2)
    expected = present & present.new_tensor(reaching)
    usable = expected & squared_norm.isfinite()
    mean = squared_norm.masked_fill(~usable, 0.0).sum(dim=0) / usable.sum(dim=0).clamp(min=1)
    active = usable & (squared_norm > config.eps_rel * mean)
    return gram, active, (expected & ~active).any(dim=1).sum()


def _lowest_cosine(gram: Tensor, active: Tensor) -> Tensor:
    """Lowest cosine over the pairs of active losses `[B]`; NaN with fewer than two."""
    first, second = torch.triu_indices(gram.shape[1], gram.shape[1], offset=1, device=gram.device)
    norm = gram.diagonal(dim1=1, dim2=2).clamp(min=torch.finfo(gram.dtype).tiny).sqrt()
    cosines = (gram[:, first, second] / (norm[:, first] * norm[:, second])).clamp(-1, 1)
    comparable = active[:, first] & active[:, second]
    lowest = cosines.masked_fill(~comparable, float("inf")).amin(dim=1)
    return lowest.masked_fill(~comparable.any(dim=1), float("nan"))


def _cotangents(u: Gradients, weights: Tensor, factors: Tensor, compared: Sequence[str]) -> dict[str, Tensor]:
    """Weighted sums over the losses; in branches that are not compared only the curriculum's factors act."""
    cotangents: dict[str, Tensor] = {}
    for column, gradients in enumerate(u.values()):
        for branch, gradient in gradients.items():
            weight = (weights if branch in compared else factors)[:, column]
            term = gradient * weight.reshape(-1, *[1] * (gradient.dim() - 1))
            cotangents[branch] = cotangents[branch] + term if branch in cotangents else term
    return cotangents
