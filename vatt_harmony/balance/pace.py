"""From sums of scores to coefficients: once an optimizer step, guarded, and undone where the step was skipped."""

import copy
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.balance.evidence import Evidence
from vatt_harmony.balance.rule import Rule
from vatt_harmony.balance.sums import Sums
from vatt_harmony.balance.window import Window
from vatt_harmony.errors import UserError

LEFT_OUT = 20
"""Steps that no optimizer took; the user hears of as many, unless more were taken meanwhile."""
PATIENCE = 5000
"""Steps without the end of an epoch after which the user of a rule that lives on epochs hears of it."""


class Pace:
    """Pools the micro-batches of one optimizer step and asks the rule for k [M]."""

    def __init__(self, rule: Rule, window: Window, modalities: tuple[str, ...], lower_is_better: bool) -> None:
        self._rule, self._window = rule, window
        self._modalities, self._lower_is_better = modalities, lower_is_better
        self.step = self.epoch = 0
        self.k: Tensor | None = None
        """[M] of the last step that was closed; None where nothing changes."""
        self.drop: Tensor | None = None
        """[M] chances with which features are dropped in the next step."""
        self.non_finite: Tensor | None = None
        """[] how many coefficients or scores were not finite and were replaced by 1."""
        self.watched = False
        """Whether an optimizer tells of its steps, by `stepped`."""
        self.trained: Tensor | None = None
        """bool [M] which encoders learn at all; None: all do. The others keep k = 1."""
        self.pooled = 0
        """Micro-batches in the open step."""
        self._pool: Sums | None = None
        self._average: Tensor | None = None
        self._before: dict[str, Any] | None = None
        self._stepped = True
        self._taken = self._left_out = 0
        self._warned = False

    @property
    def acting(self) -> bool:
        """Whether the rule acts in the current step."""
        return self._window.strength(self.step) > 0

    def begin(self) -> None:
        """Before a micro-batch: undo what a step moved that the optimizer did not take.

        A gradient scaler that meets an overflow leaves the optimizer's step out; so does the rule's state.
        """
        if self.watched and not self._stepped and self._before is not None and self.pooled == 0:
            self._restore(self._before)
            self._note_left_out()

    def add(self, sums: Sums) -> int:
        """Pool one micro-batch; returns how many the open step holds."""
        self._pool = sums if self._pool is None else self._pool + sums
        self.pooled += 1
        return self.pooled

    def close(self, widths: Mapping[str, int]) -> bool:
        """End the open step: k, and the chances of dropping, from all that was pooled; False where none is open.

        widths: of the features.
        """
        if self._pool is None:
            return False
        if self.watched:
            self._before, self._stepped = copy.deepcopy(self._moving()), False
        evidence = self._pool.evidence(self._modalities, self._lower_is_better, self.step, self.epoch)
        self._pool, self.pooled = None, 0
        if self._rule.needs_validation and self.epoch == 0 and self.step == PATIENCE:
            warnings.warn(
                f"The rule {type(self._rule).__name__} lives on validation sets, and in {PATIENCE} steps was told of "
                "no epoch: so far its coefficients have not moved. Call balancer.end_epoch(Validation(...)).",
                stacklevel=4,
            )
        strength = self._window.strength(self.step)
        if strength > 0:
            evidence = self._smoothed(evidence)
            k = self._rule.coefficients(evidence)
            self.k = None if k is None else self._guarded(k, evidence, strength)
            if type(self._rule).drop_chances is not Rule.drop_chances:
                self.drop = self._rule.drop_chances(evidence, self._widths(widths, evidence))
        else:
            self.k = self.drop = None
        self.step += 1
        return True

    def stepped(self) -> None:
        """The optimizer has stepped: what `close` moved stays."""
        self._taken += not self._stepped
        self._stepped = True

    def state_dict(self) -> dict[str, Any]:
        """Everything that moves, the rule's state within."""
        return self._moving() | {"k": self.k, "drop": self.drop, "non_finite": self.non_finite}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave; an open step is forgotten. Raises UserError for another rule's state."""
        if missing := self._rule.state_dict().keys() - state["rule"].keys():
            raise UserError(
                f"The saved state lacks {', '.join(sorted(missing))} of the rule {type(self._rule).__name__}",
                "It is another rule's, and this one would forget what it had seen",
                "Make the balancer with the rule that was saved, or load the model alone, balancer.model",
            )
        self._restore(state)
        self.k, self.drop, self.non_finite = state["k"], state["drop"], state["non_finite"]
        self._pool, self.pooled, self._before, self._stepped = None, 0, None, True

    def _moving(self) -> dict[str, Any]:
        return {"rule": self._rule.state_dict(), "step": self.step, "epoch": self.epoch, "average": self._average}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._rule.load_state_dict(state["rule"])
        self.step, self.epoch, self._average = state["step"], state["epoch"], state["average"]

    def _note_left_out(self) -> None:
        """A gradient scaler leaves out a few steps; a forgotten `accumulation` looks like every second one or more."""
        self._left_out += 1
        if self._left_out < LEFT_OUT:
            return
        if self._taken <= LEFT_OUT and not self._warned:
            self._warned = True
            warnings.warn(
                f"{LEFT_OUT} losses were followed by no step of the optimizer, as many as by one or more: what they "
                "tell of the modalities is lost. Where a step takes several micro-batches, give "
                "Balancer(..., accumulation=...) their number.",
                stacklevel=4,
            )
        self._taken = self._left_out = 0

    def _smoothed(self, evidence: Evidence) -> Evidence:
        ema = self._window.ema
        if ema == 0:
            return evidence
        known = evidence.scores if self._average is None else self._average.to(evidence.scores)
        known = torch.where(known.isfinite(), known, evidence.scores)
        mean = torch.where(evidence.present, ema * known + (1 - ema) * evidence.scores, known)
        self._average = mean
        return replace(evidence, scores=torch.where(evidence.present, mean, evidence.scores))

    def _guarded(self, k: Tensor, evidence: Evidence, strength: float) -> Tensor:
        """k with 1 for modalities that are absent or alone, and for what is not finite."""
        k = k.detach()
        acts = evidence.present & (evidence.present.sum() > 1)
        if self.trained is not None:
            acts = acts & self.trained.to(acts.device)
        finite = k.isfinite()
        wrong = (acts & ~finite).sum()
        self.non_finite = wrong if self.non_finite is None else self.non_finite.to(wrong.device) + wrong
        k = torch.where(acts & finite, k, 1.0)
        return k if strength == 1 else 1 + strength * (k - 1)

    def _widths(self, widths: Mapping[str, int], evidence: Evidence) -> Tensor:
        return evidence.scores.new_tensor([widths.get(name, 0) for name in self._modalities])
