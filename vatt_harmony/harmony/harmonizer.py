"""The harmonizer: from the losses' gradients at the trunk's output to the one cotangent that each sample sends down.

Defined by this project after Wu et al., arXiv 2211.02077. Everything that couples samples lies above the trunk's
output, so scaling a sample's cotangents there is exactly the re-weighting of its gradients of all trunk parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations

import torch
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.curriculum import Selection, select
from vatt_harmony.harmony.rules import NORMALISED, RULES, RuleOptions, gradvac_target
from vatt_harmony.harmony.signals import Gradients
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.harmony.statistics import Comparison, statistics

_KEPT_BY_VT_ONLY = "video_audio"


@dataclass(frozen=True, kw_only=True)
class Harmonized:
    """Result of `harmonize` on one global batch of B samples."""

    cotangents: dict[str, Tensor]
    """Branch → gradient to send into the trunk, `[B, D]` or `[B, K, D]`."""
    keep: Tensor
    """Bool `[B]`, false where the curriculum dropped the sample (with `vt_only`: all its losses but video_audio)."""
    weights: dict[str, Tensor]
    """Loss → weight `[B]` in the compared branches, normalisation of the curriculum included."""
    comparison: Comparison = field(repr=False)
    """What the losses' gradients have to do with each other."""
    state: HarmonyState
    """State after this step."""

    @property
    def cosines(self) -> Tensor:
        """Lowest cosine between the losses' gradients `[B]`; NaN where the sample has no two losses to compare."""
        return self.comparison.cosines

    def statistics(self) -> dict[str, Tensor]:
        """0-d tensors by name for the log, NaN where the batch has nothing to average; made when asked for."""
        return statistics(self.comparison, self.keep)


@torch.no_grad()
def harmonize(
    u: Gradients,
    gram: Tensor,
    valid: Mapping[str, Tensor],
    config: HarmonyConfig,
    shared: Sequence[str],
    state: HarmonyState,
    step: int,
    scores: Tensor | None = None,
) -> Harmonized:
    """Compare each sample's losses and re-weight their gradients at the trunk's output; pure, without communication.

    u: loss → branch → gradient of that loss (with its weight and its mean over the global valid count) at the trunk's
    output `[B, D]` or `[B, K, D]`, fp32 or better; gram `[B, M, M]`: inner products of each sample's gradients by the
    configured signal, one common factor for all (`signals.gram_at_output`, or the engine's trunk signals);
    valid: loss → bool `[B]`; shared: branches that run through the trunk shared by several losses, the others are not
    realigned; step counts optimizer steps from 0; scores `[B]` for the curriculum, the cosines if None.
    Every rank calls it on the same gathered batch. Samples with fewer than two comparable losses have weight 1 and are
    kept. Raises UserError if fewer than two losses reach the compared branches. Source: after arXiv 2211.02077.
    """
    compared = config.compared(shared)
    reaching = _reaching(u, compared)
    present = torch.stack([valid[loss] for loss in u], dim=1)
    # One comparison for the whole batch weighs every sample alike, whatever it lacks.
    comparable = present.any(dim=0).expand_as(present) if config.signal == "batch" else present
    active, cosines = _compare(gram, comparable, config.eps_rel)
    unclamped, state = _weigh(gram, active, config, state)
    weights = unclamped.clamp(-config.w_max, config.w_max)
    droppable = [config.curriculum.drop == "both" or loss != _KEPT_BY_VT_ONLY for loss in u]
    ranked = cosines if scores is None else scores.masked_fill(cosines.isnan(), float("nan"))
    selection = select(ranked, present, droppable, config.curriculum, step)
    if selection is not None:
        weights = weights * selection.factors
    return Harmonized(
        cotangents=_cotangents(u, weights, selection, compared),
        keep=torch.ones_like(present[:, 0]) if selection is None else selection.keep,
        weights=dict(zip(u, weights.unbind(dim=1), strict=True)),
        comparison=Comparison(
            gram=gram,
            expected=present if all(reaching) else _columns(present, reaching),
            active=active,
            cosines=cosines,
            unclamped=unclamped,
            w_max=config.w_max,
        ),
        state=state if selection is None or selection.empty is None else state.counting(selection.empty),
    )


def _reaching(u: Gradients, compared: Sequence[str]) -> list[bool]:
    """Which losses reach the compared branches; at least two must."""
    reaching = [any(branch in compared for branch in gradients) for gradients in u.values()]
    if sum(reaching) < 2:
        raise UserError(
            f"Of the losses {list(u)} fewer than two reach the compared branches {tuple(compared)}.",
            "Nothing can be harmonized.",
            "Give two losses of objective.weights a value above 0, or set harmony.enabled to false.",
        )
    return reaching


def _columns(present: Tensor, taken: Sequence[bool]) -> Tensor:
    """`[B, M]` with zeros in the columns that are not taken; a mask made on the host would make it wait."""
    return torch.stack([x if t else torch.zeros_like(x) for x, t in zip(present.unbind(1), taken, strict=True)], dim=1)


def _compare(gram: Tensor, present: Tensor, eps_rel: float) -> tuple[Tensor, Tensor]:
    """Losses with a usable gradient, bool `[B, M]`, and the lowest cosine between them `[B]`, NaN without two."""
    # Absent, broken and vanishing gradients all end as norm 0, which is never above a share of the batch mean.
    squared_norm = (gram.diagonal(dim1=1, dim2=2) * present).nan_to_num(nan=0.0, posinf=0.0)
    active = squared_norm > eps_rel * squared_norm.mean(dim=0)
    inverse = squared_norm.masked_fill(~active, float("nan")).rsqrt().unbind(dim=1)
    pairs = combinations(range(len(inverse)), 2)
    # fmin passes over NaN: of three losses two may be left to compare.
    lowest = reduce(torch.fmin, [gram[:, i, j] * inverse[i] * inverse[j] for i, j in pairs])
    return active, lowest.clamp(-1, 1)


def _weigh(gram: Tensor, active: Tensor, config: HarmonyConfig, state: HarmonyState) -> tuple[Tensor, HarmonyState]:
    """The rule's weights `[B, M]`, and the state with the rule's running target."""
    target = None
    if config.rule == "gradvac":
        target = gradvac_target(gram, active, state.target(gram), config.gradvac_beta)
        state = state.with_target(target)
    weights = RULES[config.rule](gram, active, RuleOptions(conflict_aversion=config.cagrad_c, target=target))
    if config.rescale == "to_T" and config.rule in NORMALISED:
        weights = torch.where(active, weights * active.sum(dim=1, keepdim=True), weights)
    return weights, state


def _cotangents(
    u: Gradients, weights: Tensor, selection: Selection | None, compared: Sequence[str]
) -> dict[str, Tensor]:
    """Weighted sums over the losses; in branches that are not compared only the curriculum's factors act."""
    factors = torch.ones_like(weights[:1, :1]) if selection is None else selection.factors
    columns = {True: weights.unbind(dim=1), False: factors.expand(-1, len(u)).unbind(dim=1)}
    cotangents: dict[str, Tensor] = {}
    for column, gradients in enumerate(u.values()):
        for branch, gradient in gradients.items():
            weight = columns[branch in compared][column]
            weight = weight.reshape(-1, *[1] * (gradient.dim() - 1))
            before = cotangents.get(branch)
            cotangents[branch] = gradient * weight if before is None else torch.addcmul(before, gradient, weight)
    return cotangents
