"""Harmonizer for any model in anybody's training loop: `loss, report = harmonizer(z, losses); loss.backward()`.

z are the outputs of the trunk's towers; whatever couples samples (heads, temperature, negatives) is in `losses`. The
one backward sends each sample's harmonized gradient through the towers and the plain gradient into the heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from vatt_harmony.errors import UserError
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.differentiate import Losses, differentiate
from vatt_harmony.harmony.handing_on import handing_on
from vatt_harmony.harmony.harmonizer import Harmonized, harmonize
from vatt_harmony.harmony.signals import Gradients, activation_kernel, gram_at_output
from vatt_harmony.harmony.standalone_checks import check_config, check_masks, check_rows, check_towers
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.objective.gather import gather_named

Tower = tuple[str, ...]
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one call of a `Harmonizer` found, on all ranks alike; without graph."""

    losses: dict[str, Tensor]
    """Loss -> its value, scalar."""
    harmonized: Harmonized
    """Cosine, weights and fate of every sample of the global batch."""

    @property
    def conflicts(self) -> Tensor:
        """Share of samples whose losses' gradients conflict, of those with two losses to compare; scalar."""
        cosines = self.harmonized.cosines
        return (cosines < 0).sum() / cosines.isfinite().sum().clamp(min=1)


class Harmonizer:
    """Lets two or more losses update each sample without conflict, in a loop that this package knows nothing about.

    config: rule, signal (`representation`, the default here, or `last_linear`) and curriculum, whose steps are calls.
    towers: names of z that run through the same weights, as `[("video", "audio", "text")]` for a single backbone; every
    other name is a tower of its own. A tower that only one loss reaches is left as it is. averaged: whether gradients
    are averaged over the ranks, as DDP, Accelerate and DeepSpeed do, or summed. Raises UserError for options that need
    more of a model than its outputs.
    """

    def __init__(
        self, config: HarmonyConfig | None = None, towers: Sequence[Sequence[str]] = (), averaged: bool = True
    ) -> None:
        self.config = config or HarmonyConfig(signal="representation")
        check_config(self.config)
        self.towers = tuple(tuple(tower) for tower in towers)
        self.averaged = averaged
        self.state = HarmonyState()
        self.calls = 0

    def __call__(
        self,
        z: Mapping[str, Tensor],
        losses: Losses,
        valid: Mapping[str, Tensor] | None = None,
        act: Mapping[str, Tensor] | None = None,
        scores: Tensor | None = None,
    ) -> tuple[Tensor, Report]:
        """The total loss, to be back-propagated once, and a report. All ranks must call it, with as many rows each.

        z: name -> this rank's rows, `[b, D]` or `[b, K, D]` with graph; tensors without graph (labels, masks) go along.
        losses: takes z of all ranks `[W * b, ...]` in rank order, fp32 or better, and returns name -> scalar; their sum
        is the total. Every rank runs it on the same rows, so it must not draw of its own. valid: loss -> bool `[b]`,
        the samples that have this loss; all, where a loss is not named. act: name -> input of the last linear layer
        `[b, P]` or `[b, K, P]` for the signal last_linear, see `capture_input`. scores: what the curriculum drops the
        lowest of `[b]`, instead of the cosines (random numbers make the control that every report needs). Raises
        UserError for rows that do not fit and for losses that do not depend on z.
        """
        rows = {f"z/{name}": x for name, x in z.items()} | {f"valid/{loss}": x for loss, x in (valid or {}).items()}
        rows |= {} if scores is None else {"scores": scores}
        trained = tuple(name for name, x in z.items() if x.requires_grad)
        count = check_rows(rows, trained)
        check_towers(self.towers, z)
        towers = self._towers(trained)
        gathered = gather_named(rows | self._kernels(towers, act or {}))
        terms, u = differentiate(losses, {name: gathered[f"z/{name}"] for name in z}, trained)
        check_masks(valid or {}, u)
        harmonized = self._harmonize(u, gathered, towers)
        self.state, self.calls = harmonized.state, self.calls + 1
        loss = self._handing_on(torch.stack(list(terms.values())).sum(), z, harmonized.cotangents, count)
        return loss, Report(losses={name: term.detach() for name, term in terms.items()}, harmonized=harmonized)

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON, the same on every rank: calls so far and the rule's running values."""
        return {"version": VERSION, "calls": self.calls, "harmony": self.state.state_dict()}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; raises UserError for another version."""
        if saved.get("version") != VERSION:
            raise UserError(
                f"The harmonizer's state has version {saved.get('version')!r}, this release reads version {VERSION}",
                "Continuing would mix two definitions of the harmonizer",
                "Continue with the release that saved it, or start with a new Harmonizer",
            )
        self.calls, self.state = int(saved["calls"]), HarmonyState.from_state_dict(saved["harmony"])

    def _towers(self, trained: Sequence[str]) -> list[Tower]:
        """The trained names by the weights they run through, each name once."""
        stated = [tuple(name for name in tower if name in trained) for tower in self.towers]
        alone = [(name,) for name in trained if not any(name in tower for tower in stated)]
        return [tower for tower in stated if tower] + alone

    def _kernels(self, towers: Sequence[Tower], act: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Inner products of the activations of every tower that has them, under a key made of its first name."""
        if self.config.signal != "last_linear":
            return {}
        compared = {tower[0]: self.config.compared(tower) for tower in towers}
        return {
            f"kernel/{first}": activation_kernel(act, names)
            for first, names in compared.items()
            if names and all(name in act for name in names)
        }

    def _harmonize(self, u: Gradients, gathered: Mapping[str, Tensor], towers: Sequence[Tower]) -> Harmonized:
        shared = [tower for tower in towers if sum(any(name in ends for name in tower) for ends in u.values()) > 1]
        grams = [
            gram_at_output(self.config.signal, u, gathered.get(f"kernel/{tower[0]}"), names)
            for tower in shared
            if (names := self.config.compared(tower))
        ]
        if not grams:
            raise UserError(
                f"No tower of {towers} is reached by two of the losses {list(u)}",
                "There is nothing to harmonize",
                "Give losses that share a tower; name in `towers` what runs through the same weights",
            )
        everybody = next(iter(gathered.values())).new_ones(len(grams[0]), dtype=torch.bool)
        return harmonize(
            u=u,
            gram=torch.stack(grams).sum(dim=0),  # no weight is in two towers
            valid={loss: gathered.get(f"valid/{loss}", everybody) for loss in u},
            config=self.config,
            shared=[name for tower in shared for name in tower],
            state=self.state,
            step=self.calls,
            scores=gathered.get("scores"),
        )

    def _handing_on(
        self, total: Tensor, z: Mapping[str, Tensor], cotangents: Mapping[str, Tensor], count: int
    ) -> Tensor:
        """The loss: own rows of the cotangents for z, and the heads' gradients, which are complete on every rank."""
        rank, world_size = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        heads, towers = (1.0, float(world_size)) if self.averaged else (1.0 / world_size, 1.0)
        own = slice(rank * count, (rank + 1) * count)
        receivers = [total, *(z[name] for name in cotangents)]
        gradients = [torch.full_like(total, heads), *(rows[own] * towers for rows in cotangents.values())]
        return handing_on(total, receivers, gradients)
