"""What is done to gradients in one backward pass: gains at features, and hooks on parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vatt_harmony.balance.gains import hook, note_norms, scale_gradients
from vatt_harmony.balance.output import BalancedOutput
from vatt_harmony.balance.reduce import sum_over_ranks, world_size
from vatt_harmony.balance.rule import Rule
from vatt_harmony.randomness import keyed_int


@dataclass(frozen=True, kw_only=True)
class Modulation:
    """How a rule's figures become hooks; hooks on features go with their graph, those on parameters are returned."""

    rule: Rule
    modalities: tuple[str, ...]
    owned: Mapping[str, Sequence[nn.Parameter]]
    """Trained parameters of each encoder."""
    scale_head: bool
    seed: int

    def features(
        self,
        output: BalancedOutput,
        k: Mapping[str, Tensor] | None,
        parts: Mapping[str, Tensor] | None,
        norms: dict[str, list[Tensor]] | None,
    ) -> None:
        """Hook the features: the rule's standing gains, and k at the point `grad` (None elsewhere)."""
        tapped = output.passed.tapped
        if norms is not None:
            norms |= {name: [] for name in tapped}
            for name, own in tapped.items():
                note_norms(own.total, norms[name])
        for name, own in tapped.items():
            if self.rule.fused_gain != 1.0:
                scale_gradients(own.fused, self.rule.fused_gain)
            if self.rule.unimodal_gain != 1.0:
                scale_gradients(own.unimodal, self.rule.unimodal_gain)
            if k is None:
                continue
            if parts is not None:
                scale_gradients([parts[name]], k[name])
            elif self.scale_head and name in output.unimodal:
                # The head's own gradient is scaled with what flows on from it to the feature.
                scale_gradients([*own.fused, output.unimodal[name]], k[name])
            else:
                scale_gradients(own.total, k[name])
        if norms is not None:
            for name, own in tapped.items():
                note_norms(own.total, norms[name])

    def slices(self, layer: nn.Linear, widths: Tensor, k: Tensor) -> RemovableHandle:
        """Scale the gradient of each modality's columns of the fusion's weight by its k."""
        columns = torch.repeat_interleave(k.to(layer.weight.device), widths.to(layer.weight.device))
        return hook(layer.weight, lambda gradient: gradient * columns.to(gradient.dtype))

    def noise(self, k: Mapping[str, Tensor], step: int) -> list[RemovableHandle]:
        """Let the rule disturb the gradient of every tensor of the encoders, which arrives scaled by k."""
        return [
            hook(parameter, partial(self._disturb, k[name], keyed_int(self.seed, "noise", step, name, index)))
            for name, parameters in self.owned.items()
            for index, parameter in enumerate(parameters)
        ]

    def paths(self, output: BalancedOutput, fused: Tensor, unimodal: Tensor) -> list[RemovableHandle]:
        """Ask the rule for separate gains of the fused and the unimodal gradient, and hook them.

        fused, unimodal: [] losses. All ranks must call; two more backward passes.
        """
        every = [parameter for parameters in self.owned.values() for parameter in parameters]
        # Towers have no parameter in common, so one pass gives each its own head's gradient.
        both = [_gradients(loss, every) for loss in (fused, unimodal)]
        handles: list[RemovableHandle] = []
        start = 0
        for name, parameters in self.owned.items():
            end = start + len(parameters)
            if parameters and name in output.passed.tapped:
                gains = self.rule.path_gains(both[0][start:end], both[1][start:end])
                scale_gradients(output.passed.tapped[name].fused, gains.fused)
                scale_gradients(output.passed.tapped[name].unimodal, gains.unimodal)
                for parameter, factor in zip(parameters, gains.tensors, strict=True):
                    handles += scale_gradients([parameter], factor)
            start = end
        return handles

    def _disturb(self, k: Tensor, seed: int, gradient: Tensor) -> Tensor:
        own = k.to(gradient.device)
        generator = torch.Generator(gradient.device).manual_seed(seed)
        return self.rule.disturb(gradient / own, own, generator).to(gradient.dtype)


def _gradients(loss: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """Gradient of `loss` by each parameter, averaged over ranks."""
    own = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    whole = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, own, strict=True)]
    if world_size() == 1:
        return whole
    flat = sum_over_ranks(torch.cat([gradient.flatten() for gradient in whole])) / world_size()
    parts = torch.split(flat, [parameter.numel() for parameter in parameters])
    return [part.view_as(parameter) for part, parameter in zip(parts, parameters, strict=True)]
