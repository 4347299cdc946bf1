"""What is done to gradients in one backward pass: gains at features, and hooks on parameters."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vatt_harmony.balance.gains import Backward, check_unsharded, scale_gradients
from vatt_harmony.balance.output import BalancedOutput
from vatt_harmony.balance.reduce import sum_over_ranks, world_size
from vatt_harmony.balance.rule import Rule
from vatt_harmony.randomness import keyed_int


class Modulation:
    """Turns one step's figures into hooks; they act in the backward passes of its loss alone."""

    def __init__(
        self,
        rule: Rule,
        owned: Mapping[str, Sequence[nn.Parameter]],
        fusion: nn.Linear | None,
        scale_head: bool,
        seed: int,
    ) -> None:
        """owned: trained parameters of each encoder; fusion: the layer whose columns are scaled, None for none."""
        self._rule, self._owned, self._fusion = rule, owned, fusion
        self._scale_head, self._seed = scale_head, seed
        self._handles: list[RemovableHandle] = []
        self._backward = Backward()

    def clear(self) -> None:
        """Take the hooks of past losses off the parameters."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def only_in(self, loss: Tensor) -> None:
        """Let all hooks that were put on parameters since the last call act in the backward passes of `loss` alone."""
        if self._handles and loss.requires_grad:
            self._backward.of(loss)
        self._backward = Backward()

    def features(
        self, output: BalancedOutput, k: Mapping[str, Tensor] | None, parts: Mapping[str, Tensor] | None
    ) -> None:
        """Hook the features: the rule's standing gains, and k at the point `grad` (None elsewhere)."""
        for name, own in output.passed.tapped.items():
            if self._rule.fused_gain != 1.0:
                scale_gradients(own.fused, self._rule.fused_gain)
            if self._rule.unimodal_gain != 1.0:
                scale_gradients(own.unimodal, self._rule.unimodal_gain)
            if k is None:
                continue
            if parts is not None:
                scale_gradients([parts[name]], k[name])
            elif self._scale_head and name in output.unimodal:
                # The head's own gradient is scaled with what flows on from it to the feature.
                scale_gradients([*own.fused, output.unimodal[name]], k[name])
            else:
                scale_gradients(own.total, k[name])

    def columns(self, widths: Mapping[str, int], k: Mapping[str, Tensor]) -> None:
        """Scale the gradient of each modality's columns of the fusion's weight by its k."""
        if self._fusion is not None:
            columns = torch.cat([k[name].expand(width) for name, width in widths.items()])
            self._handles.append(self._backward.hook(self._fusion.weight, partial(_times, columns)))

    def noise(self, k: Mapping[str, Tensor] | None, scaled: bool, step: int, part: int) -> None:
        """Let the rule disturb the gradient of every tensor of the encoders, in micro-batch `part` of a step.

        scaled: whether it arrives scaled by k; else the optimizer's step scales it, noise and all.
        """
        for name, parameters in self._owned.items():
            for index, parameter in enumerate(parameters):
                seed = keyed_int(self._seed, "noise", step, part, name, index)
                own = parameter.new_ones(()) if k is None else k[name]
                self._handles.append(self._backward.hook(parameter, partial(self._disturb, own, scaled, seed)))

    def paths(self, output: BalancedOutput, fused: Tensor, unimodal: Tensor) -> None:
        """Ask the rule for separate gains of the fused and the unimodal gradient, and hook them.

        fused, unimodal: [] losses. All ranks must call; two more backward passes.
        """
        every = [parameter for parameters in self._owned.values() for parameter in parameters]
        for parameter in every:
            check_unsharded(parameter)
        # Towers have no parameter in common, so one pass gives each its own head's gradient.
        both = [_gradients(loss, every) for loss in (fused, unimodal)]
        start = 0
        for name, parameters in self._owned.items():
            end = start + len(parameters)
            if parameters and name in output.passed.tapped:
                gains = self._rule.path_gains(both[0][start:end], both[1][start:end])
                scale_gradients(output.passed.tapped[name].fused, gains.fused)
                scale_gradients(output.passed.tapped[name].unimodal, gains.unimodal)
                for parameter, factor in zip(parameters, gains.tensors, strict=True):
                    self._handles.append(self._backward.hook(parameter, partial(_times, factor)))
            start = end

    def _disturb(self, k: Tensor, scaled: bool, seed: int, gradient: Tensor) -> Tensor:
        own = k.to(gradient.device)
        generator = torch.Generator(gradient.device).manual_seed(seed)
        if scaled:
            return self._rule.disturb(gradient / own, own, generator).to(gradient.dtype)
        return (self._rule.disturb(gradient, own, generator) / own).to(gradient.dtype)


def _times(factor: Tensor, gradient: Tensor) -> Tensor:
    return gradient * factor.to(gradient)


def _gradients(loss: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """Gradient of `loss` by each parameter, averaged over ranks."""
    own = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    whole = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, own, strict=True)]
    if world_size() == 1:
        return whole
    flat = sum_over_ranks(torch.cat([gradient.flatten() for gradient in whole])) / world_size()
    parts = torch.split(flat, [parameter.numel() for parameter in parameters])
    return [part.view_as(parameter) for part, parameter in zip(parts, parameters, strict=True)]
