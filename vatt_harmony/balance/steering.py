"""Which k is in force: pooled over micro-batches, placed by optimizer and graph, handed to the optimizer's steps."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vatt_harmony.balance.first_step import check_reached, check_same_parameters, share_parameters
from vatt_harmony.balance.follow import Follower
from vatt_harmony.balance.groups import base_optimizer, is_partitioned, name_groups
from vatt_harmony.balance.output import BalancedOutput
from vatt_harmony.balance.pace import Pace
from vatt_harmony.balance.placement import place
from vatt_harmony.balance.rates import HostCopy
from vatt_harmony.balance.rule import Point, Rule
from vatt_harmony.balance.sums import Sums
from vatt_harmony.errors import UserError


class Steering:
    """One rule's coefficients on their way into training steps; shared by a balancer and the optimizers it follows."""

    def __init__(
        self,
        rule: Rule,
        pace: Pace,
        widths: Mapping[str, int],
        modalities: tuple[str, ...],
        owned: Mapping[str, list[nn.Parameter]],
        wanted: Point | Literal["auto"],
        accumulation: int,
    ) -> None:
        """widths: of the features, kept by whoever sees them.

        owned: trained parameters of each modality alone; wanted: the point asked for.
        """
        self.pace = pace
        self.point: Point | None = None
        """Where k acts; None until the first training step has shown it."""
        self._rule, self._widths, self._modalities, self._owned = rule, widths, modalities, owned
        self._wanted: Point | Literal["auto"] = wanted
        self._accumulation = accumulation
        self._followers: list[Follower] = []
        self._trained: tuple[bool, ...] | None = None

    def attach(self, optimizer: Any) -> None:
        """Follow an optimizer's steps; as `Balancer.attach`."""
        if self._rule.several_backwards and is_partitioned(optimizer):
            raise UserError(
                f"The rule {type(self._rule).__name__} differentiates encoders more than once a step",
                "ZeRO stage 2 and 3 keep only the last of several gradients",
                "Use ZeRO stage 0 or 1, DDP, or another rule",
            )
        base = base_optimizer(optimizer)
        if all(follower.optimizer is not base for follower in self._followers):
            name_groups(base, self._owned)
            self._followers.append(Follower(base, self._modalities, self.pace, self._close))
            self.pace.watched = True

    def detach(self) -> None:
        """Follow no optimizer any more."""
        for follower in self._followers:
            follower.remove()
        self._followers, self.pace.watched = [], False

    def settle(self, model: nn.Module, output: BalancedOutput) -> None:
        """Look at the first training step's graph: errors, warnings, and where k acts."""
        tapped = output.passed.tapped
        check_reached(output.logits, tapped)
        check_same_parameters(model, self._owned)
        shared = share_parameters(model, tapped, self._owned)
        point = place(self._wanted, self._rule, [f.optimizer for f in self._followers], shared, self._owned)
        if self._rule.noisy and point == "lr" and self._accumulation > 1:
            raise UserError(
                f"The rule {type(self._rule).__name__} adds noise, at the point lr with accumulation",
                "k, which noise must not be scaled by, is known only after the last micro-batch",
                "Choose the point grad, or accumulation 1",
            )
        self.point = point

    def advance(self, sums: Sums, output: BalancedOutput) -> Tensor | None:
        """Pool one micro-batch; returns k [M] of its backward pass, None where nothing changes.

        Gradients of a micro-batch leave before the step's last scores are known, so at `grad` and `loss` accumulation
        takes k from the step before; rates change when all is known.
        """
        self._note_trained(output)
        before = self.pace.k
        if self.pace.add(sums) >= self._accumulation:
            self._close()
        return self.pace.k if self._accumulation == 1 or self.point == "lr" else before

    def monitor(self, update_ratios: dict[str, Tensor] | None) -> None:
        """Have the next optimizer step write its movement there; None: nowhere."""
        for follower in self._followers:
            follower.monitor = update_ratios

    def _note_trained(self, output: BalancedOutput) -> None:
        """Encoders may be frozen, or freed, on the way."""
        tapped = output.passed.tapped
        trained = tuple(name not in tapped or bool(tapped[name].total) for name in self._modalities)
        if trained != self._trained:
            self._trained = trained
            self.pace.trained = None if all(trained) else torch.tensor(trained, device=output.logits.device)

    def __getstate__(self) -> dict[str, Any]:
        """A copy, or what is read from a file, follows no optimizer: it would drag its state along."""
        return self.__dict__ | {"_followers": [], "point": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.pace.watched = False

    def _close(self) -> None:
        if not self.pace.close(self._widths):
            return
        k = self.pace.k
        for follower in self._followers:
            follower.k = HostCopy(k) if k is not None and self.point == "lr" else None
