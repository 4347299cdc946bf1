"""G-Blend: loss weights from overfitting and generalisation (Wang et al., CVPR 2020, arXiv 1905.12681), online."""

from collections.abc import Mapping
from typing import Any, ClassVar

from vatt_harmony.balance.evidence import Validation
from vatt_harmony.balance.rule import Rule
from vatt_harmony.errors import UserError

LEAST_OVERFITTING = 1e-3


def blend(generalisation: Mapping[str, float], overfitting: Mapping[str, float]) -> dict[str, float]:
    """Weights w ~ |dG| / dO^2 that add up to 1, from the changes of validation loss and of its gap to training.

    Both have the same names, "fused" among them. A change of the gap below 1e-3 counts as 1e-3.
    """
    raw = {
        name: abs(gain) / max(abs(overfitting[name]), LEAST_OVERFITTING) ** 2 for name, gain in generalisation.items()
    }
    total = sum(raw.values())
    return {name: value / total if total > 0 else 1 / len(raw) for name, value in raw.items()}


class GBlend(Rule):
    """Fused and unimodal losses whose weights are blended anew after each super-epoch of `super_epoch` epochs.

    The published method measures each entry on a throw-away copy trained alone; here the heads of the one model are
    measured, which costs no extra training. Weights add up to M + 1, those of `multiloss`, which comes first.
    """

    needs_validation: ClassVar[bool] = True

    def __init__(self, super_epoch: int = 10) -> None:
        self.super_epoch = super_epoch
        self._weights: dict[str, float] = {}
        self._start: dict[str, tuple[float, float]] = {}
        self._epochs = 0

    def weights(self, modalities: tuple[str, ...]) -> Mapping[str, float]:
        return self._weights or super().weights(modalities)

    def end_epoch(self, validation: Validation | None) -> None:
        assert validation is not None  # the balancer sees to it
        if missing := sorted(validation.losses.keys() - validation.train_losses.keys()):
            raise UserError(
                f"The training losses of the epoch lack {', '.join(missing)}",
                "How far each has overfitted is their distance from the validation losses",
                "Give Validation(train_losses=...) the names that losses has",
            )
        now = {name: (loss, loss - validation.train_losses[name]) for name, loss in validation.losses.items()}
        if not self._start:
            self._start = now
        self._epochs += 1
        if self._epochs % self.super_epoch == 0 and self._epochs > 1:
            blended = blend(
                {name: now[name][0] - self._start[name][0] for name in now},
                {name: now[name][1] - self._start[name][1] for name in now},
            )
            self._weights = {name: weight * len(blended) for name, weight in blended.items()}
            self._start = now

    def state_dict(self) -> dict[str, Any]:
        return {"weights": dict(self._weights), "start": dict(self._start), "epochs": self._epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._weights, self._epochs = dict(state["weights"]), state["epochs"]
        self._start = {name: tuple(pair) for name, pair in state["start"].items()}
