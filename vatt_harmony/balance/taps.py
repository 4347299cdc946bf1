"""All taps of a model: one forward pass through them, or through the fusion alone."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vatt_harmony.balance.features import Feature
from vatt_harmony.balance.fusion import FusionInput, fusion_input
from vatt_harmony.balance.removal import Change
from vatt_harmony.balance.tap import Tap, Tapped, tap_place


@dataclass(frozen=True, kw_only=True)
class Passed:
    """What one forward pass of the model gave."""

    output: Any
    tapped: dict[str, Tapped]
    """Of each modality whose encoder ran."""
    fusion: FusionInput | None


class Taps:
    """Hooks on the encoders of a model and on the linear layer that fuses them; they act only within `run`."""

    def __init__(self, model: nn.Module, features: Mapping[str, Feature], fusion: nn.Linear | None) -> None:
        self._model, self._features = model, features
        self._taps = {
            name: Tap(name, model.get_submodule(feature.path), feature)
            for name, feature in features.items()
            if feature.path is not None
        }
        self._layer = fusion
        self.widths = {name: feature.width for name, feature in features.items() if feature.width is not None}
        """Of the features, as far as they are known."""
        self._fused: Tensor | None = None
        self._handle = None if self._layer is None else self._layer.register_forward_pre_hook(self._before_fusion)
        self._listening = False

    def run(self, arguments: tuple[Any, ...], named: Mapping[str, Any], changes: Mapping[str, Change]) -> Passed:
        """Run the model; `changes` is what the fusion gets in place of a modality's tensors."""
        self._fused, self._listening = None, True
        for name, tap in self._taps.items():
            tap.start(changes.get(name))
        try:
            output = self._model(*arguments, **named)
            tapped = {name: tap.tapped for name, tap in self._taps.items() if tap.tapped is not None}
            fused = self._fused
        finally:
            self._stop()
        for name, feature in self._features.items():
            if feature.path is None:
                tapped[name] = tap_place(output, feature)
        self.widths |= {name: own.feature.shape[-1] for name, own in tapped.items()}
        return Passed(output=output, tapped=tapped, fusion=self._fusion_input(fused))

    def run_fusion(
        self, passed: Passed, arguments: tuple[Any, ...], named: Mapping[str, Any], changes: Mapping[str, Change]
    ) -> Passed:
        """As `run`, but encoders give what they gave in `passed`, and without compiled graphs."""
        with self._encoders_cached(passed.tapped), torch.compiler.set_stance("force_eager"):
            return self.run(arguments, named, changes)

    def remove(self) -> None:
        """Take all hooks off."""
        for tap in self._taps.values():
            tap.remove()
        if self._handle is not None:
            self._handle.remove()

    @contextmanager
    def _encoders_cached(self, tapped: Mapping[str, Tapped]) -> Iterator[None]:
        modules = {name: tap.module for name, tap in self._taps.items() if name in tapped}
        # An instance's own `forward` hides its class's; wrappers such as Accelerate's may have set one already.
        own: dict[str, Any] = {name: module.__dict__.get("forward") for name, module in modules.items()}
        for name, module in modules.items():
            output = tapped[name].output
            module.forward = lambda *_, _output=output, **__: _output
        try:
            yield
        finally:
            for name, module in modules.items():
                del module.forward
                if own[name] is not None:
                    module.forward = own[name]

    def _before_fusion(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        if self._listening:
            self._fused = arguments[0]

    def _fusion_input(self, fused: Tensor | None) -> FusionInput | None:
        if self._layer is None or fused is None:
            return None
        unknown = [name for name in self._features if name not in self.widths]
        if len(unknown) == 1:  # its encoder has never run, for want of samples
            self.widths[unknown[0]] = max(0, self._layer.in_features - sum(self.widths.values()))
        return fusion_input(fused, self._layer, {name: self.widths.get(name, 0) for name in self._features})

    def _stop(self) -> None:
        self._listening, self._fused = False, None
        for tap in self._taps.values():
            tap.stop()
