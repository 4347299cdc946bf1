"""Taps: what flows out of each encoder in a forward pass, split into a way to the fusion and a way to its head."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from vatt_harmony.balance.features import Feature, pooled
from vatt_harmony.balance.removal import Change
from vatt_harmony.balance.structure import map_tensors
from vatt_harmony.errors import UserError


@dataclass(kw_only=True)
class Tapped:
    """One encoder's output z in one forward pass; lists hold its tensors that take gradients.

    z leaves the encoder as `total`, an alias of it, from which `fused` and `unimodal` branch off: scaling the gradient
    at one of the three scales all that reaches the encoder, its share from the fused loss, or its share from the head.
    z itself is left alone: an encoder may use it further, as when it pools the tokens that it gives too.
    """

    output: Any
    """As the encoder gave it."""
    feature: Tensor
    """[B, D], what the head reads."""
    total: list[Tensor]
    fused: list[Tensor]
    unimodal: list[Tensor]
    versions: list[int]
    """How often each tensor of `total` had been changed in place."""


class Tap:
    """A forward hook on one encoder; it acts only while its balancer runs the model."""

    def __init__(self, name: str, module: nn.Module, feature: Feature) -> None:
        self.name, self.module, self._feature = name, module, feature
        self.tapped: Tapped | None = None
        self._change: Change | None = None
        self._listening = self._gradients = False
        self._handle = module.register_forward_hook(self._after)

    def start(self, change: Change | None) -> None:
        """Tap the encoder's next output; the fusion gets what `change` makes of it."""
        self.tapped, self._change = None, change
        self._listening, self._gradients = True, torch.is_grad_enabled()

    def stop(self) -> None:
        """Tap no more, and let go of what was tapped."""
        self.tapped, self._change, self._listening = None, None, False

    def remove(self) -> None:
        """Take the hook off."""
        self._handle.remove()

    # Aliases are what makes the three gains exact; within a compiled graph they would be fused away.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _after(self, module: nn.Module, arguments: Any, output: Any) -> Any:
        if not self._listening:
            return None
        if self.tapped is not None:
            raise UserError(
                f"The encoder of {self.name!r} runs more than once in a forward pass",
                "Its feature is not one tensor",
                "Give a getter that finds the feature in the model's output",
            )
        if self._gradients and not torch.is_grad_enabled():
            raise UserError(
                f"The encoder of {self.name!r} runs without gradients, as in checkpointing with use_reentrant=True",
                "Its gradient could not be balanced",
                "Use checkpoint(..., use_reentrant=False), or freeze the encoder by requires_grad_(False)",
            )
        self.tapped, given = tap_output(output, self._feature, self._change)
        return given


def tap_output(output: Any, feature: Feature, change: Change | None) -> tuple[Tapped, Any]:
    """Tap an encoder's output; returns what was tapped, and what the model goes on with."""
    exits: dict[int, Tensor] = {}
    fused: list[Tensor] = []
    unimodal: list[Tensor] = []

    def leave(value: Tensor, ways: list[Tensor]) -> Tensor:
        if not (value.is_floating_point() and value.requires_grad):
            return value
        way = exits.setdefault(id(value), value.view_as(value))
        ways.append(way.view_as(way))
        return ways[-1]

    def to_fusion(value: Tensor) -> Tensor:
        own = leave(value, fused)
        return own if change is None or not value.is_floating_point() else change(own)

    given = map_tensors(output, to_fusion)
    read = pooled(map_tensors(output, lambda value: leave(value, unimodal)), feature.get)
    total = list(exits.values())
    versions = [value._version for value in total]
    return Tapped(output=output, feature=read, total=total, fused=fused, unimodal=unimodal, versions=versions), given


def tap_place(output: Any, feature: Feature) -> Tapped:
    """Tap what the feature's getter finds in the model's output; its way to the fusion cannot be told apart."""
    assert feature.get is not None, "`resolve` sees to it"
    found = feature.get(output)
    tapped, _ = tap_output(found, Feature(), None)
    total = [found] if isinstance(found, Tensor) and found.requires_grad else []
    return replace(tapped, total=total, fused=[], versions=[value._version for value in total])


def check_untouched(name: str, tapped: Tapped) -> None:
    """Raise UserError where the model changed a tapped tensor in place."""
    if any(value._version != version for value, version in zip(tapped.total, tapped.versions, strict=True)):
        raise UserError(
            f"The model changes the feature of {name!r} in place after its encoder",
            "The head would read another feature than the encoder gave",
            "Use the operation that makes a new tensor, such as relu instead of relu_",
        )
