"""One training step: `step(batch) -> (losses, report)`. The loop around it names no modality."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from vatt_harmony.engine.encode import Encoded
from vatt_harmony.engine.guards import FiniteGuard, nonfinite_rows
from vatt_harmony.engine.launch import Process
from vatt_harmony.engine.passes import OnePass, Part, Passes, TwoPass
from vatt_harmony.engine.reference import Reference
from vatt_harmony.engine.report import DATA, HARMONY, HEALTH, LEARNING
from vatt_harmony.engine.stopwatch import Stopwatch
from vatt_harmony.engine.surrogate import Gathered, Judged, gather, judge, surrogate
from vatt_harmony.engine.trunk_signals import keeping, trunk_gram_of
from vatt_harmony.harmony.config import HarmonyConfig
from vatt_harmony.harmony.curriculum import level
from vatt_harmony.harmony.harmonizer import Harmonized
from vatt_harmony.harmony.scores import scores_of
from vatt_harmony.harmony.state import HarmonyState
from vatt_harmony.harmony.statistics import statistics
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.config import ObjectiveConfig
from vatt_harmony.objective.objective import PairLosses
from vatt_harmony.stream.batch import Batch

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What one step leaves for those who watch; equal on all ranks except `encoding`."""

    scalars: Callable[[], dict[str, dict[str, Tensor | float]]]
    """TensorBoard group -> name -> value, made only for a step that is logged; tensors stay on the device."""
    cosines: Tensor | None
    """Agreement of the losses, global batch `[B]`, NaN where a sample is not a pair; None in plain training."""
    per_sample: dict[str, Tensor | None]
    """What this visit says of each sample of the global batch `[B]`: cosine, kept, log_norm_ratio, loss_PAIR; NaN where
    not valid."""
    embeddings: Gathered
    """For pictures of what the model finds."""
    encoding: float
    """Seconds of this rank's own forward, up to the step's first collective of z."""
    taken: bool
    """False if the batch held values that are not finite and the update was left out."""


class PretrainStep:
    """Joins trunk, head stage, losses, harmonizer and DeepSpeed. All ranks must call it together."""

    def __init__(
        self,
        engine: Any,
        objective: ObjectiveConfig,
        harmony: HarmonyConfig,
        process: Process,
        learning_rate: Callable[[int], float],
        patience: int,
        seed: int,
        chunk: int = 0,
    ) -> None:
        """`engine`: DeepSpeed's; `chunk`: samples that a rank encodes at a time in two passes, 0 = all in one."""
        self.engine = engine
        self.model: Vatt = engine.module
        self.chunk = chunk
        self.passes: Passes = (
            TwoPass(engine, process.device, chunk, self.model.config.dropout)
            if chunk
            else OnePass(engine, process.device)
        )
        self.objective, self.harmony, self.process = objective, harmony, process
        self.learning_rate, self.seed = learning_rate, seed
        # Under ZeRO-3 a parameter's gradient can be had from the engine's own backward only; in fp16 it must go through
        # the scaled one, lest it underflow.
        self.heads_once = engine.zero_optimization_stage() < 3 and not engine.fp16_enabled()
        self.guard = FiniteGuard(process.device, patience)
        self.state = HarmonyState()
        self.reference: Reference | None = None
        """What `learnability` compares with."""
        self.finished = 0
        """Steps done, skipped ones included."""

    def __call__(self, batch: Batch) -> tuple[dict[str, Tensor], StepResult]:
        """Train on one rank's batch; returns the losses to log (0-d, global, equal on all ranks) and the report."""
        rate = self.learning_rate(self.finished)
        for group in self.engine.optimizer.param_groups:
            group["lr"] = rate
        stopwatch = Stopwatch(self.process.device)
        with keeping(self.model, self.harmony) as kept:
            encoded = self.passes.encode(batch)
        stopwatch.stop()
        kernel_branches = self.harmony.kernel_branches(self.model.shared_branches)
        gathered = gather(encoded, kernel_branches, self.process.rank, self.process.world_size)
        judged = judge(
            gathered,
            self.model.head_stage,
            self.objective,
            self.harmony,
            self.model.shared_branches,
            self.state,
            self.finished,
            heads=self.heads_once,
            trunk_gram=trunk_gram_of(self.model, self.harmony, encoded, kept, gathered),
            scores=partial(self._scores, batch),
        )
        taken = self._finite(encoded, judged, batch)
        norm = self._update(self.passes.parts(batch, encoded, gathered, judged), gathered, judged) if taken else None
        if judged.harmonized is not None and taken:
            self.state = judged.harmonized.state
        self.finished += 1
        losses = judged.losses.means | {"total": judged.total}
        result = StepResult(
            scalars=partial(
                self._scalars, judged.losses, judged.pace, _statistics(judged.harmonized), gathered.valid, norm, rate
            ),
            cosines=None if judged.harmonized is None else judged.harmonized.cosines,
            per_sample=_per_sample(judged),
            embeddings=gathered,
            encoding=stopwatch.seconds,  # the finite check has waited for the device
            taken=taken,
        )
        return losses, result

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON: finished steps, harmonizer, guard."""
        return {"finished": self.finished, "harmony": self.state.state_dict(), "guard": self.guard.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the state of a checkpoint."""
        self.finished = state["finished"]
        self.state = HarmonyState.from_state_dict(state["harmony"])
        self.guard.load_state_dict(state["guard"])

    def _scores(self, batch: Batch, losses: PairLosses) -> Tensor | None:
        if not self.harmony.enabled or level(self.harmony.curriculum, self.finished) is None:
            return None
        reference = None if self.reference is None else self.reference.per_sample_losses(batch)
        return scores_of(self.harmony.curriculum.score, losses.per_sample, reference, self.seed, self.finished)

    def _finite(self, encoded: Encoded, judged: Judged, batch: Batch) -> bool:
        values: dict[str, Tensor | float] = {f"loss of {pair}": term for pair, term in judged.losses.terms.items()}
        values |= {f"representation of {branch}": z for branch, z in encoded.z.items()}
        values |= {f"gradient at {branch}": cotangent for branch, cotangent in judged.cotangents.items()}
        verdict = self.guard.check(values, lambda: _suspects(encoded, batch))
        if not verdict.take_step and self.process.is_first:
            log.warning("step %d left out, not finite: %s", self.finished + 1, ", ".join(verdict.guilty))
        if verdict.keys:
            log.warning("step %d: not finite on this rank: %s", self.finished + 1, ", ".join(verdict.keys))
        return verdict.take_step

    def _update(self, parts: Iterator[Part], gathered: Gathered, judged: Judged) -> Tensor | float:
        heads = self.model.head_stage
        for part in parts:
            scalar = surrogate(part.encoded, gathered, judged, heads, self.objective, part.share)
            if self.chunk:
                self.engine.set_gradient_accumulation_boundary(part.last)
            self.engine.backward(scalar)
        heads.take_statistics()
        norm = self._gradient_norm() if self.engine.zero_optimization_stage() == 0 else None
        self.engine.step()
        if norm is not None:
            return norm
        found: Tensor | float | None = self.engine.get_global_grad_norm()
        return math.nan if found is None else found

    def _gradient_norm(self) -> Tensor:
        # Stage 0 in fp32: DeepSpeed reports no norm, but the averaged gradients still lie in `.grad`.
        return torch.nn.utils.get_total_norm([p.grad for p in self.model.parameters() if p.grad is not None])

    def _scalars(
        self,
        losses: PairLosses,
        pace: Mapping[str, Tensor],
        statistics: Callable[[], dict[str, Tensor]] | None,
        valid: Mapping[str, Tensor],
        norm: Tensor | float | None,
        rate: float,
    ) -> dict[str, dict[str, Tensor | float]]:
        groups: dict[str, dict[str, Tensor | float]] = {
            LEARNING: {f"recall@1/{pair}": value for pair, value in losses.recall.items()},
            DATA: {f"present/{b}": mask.float().mean() for b, mask in valid.items()},
            HEALTH: {
                "learning_rate": rate,
                "temperature": self.objective.temperature,
                "steps_left_out": float(self.guard.state.total),
            },
        }
        if norm is not None:
            groups[HEALTH]["gradient_norm"] = norm
        if statistics is not None:
            groups[HARMONY] = {**statistics(), "empty_steps": self.state.empty_steps}
            groups[HARMONY] |= {f"pace/{pair}": factor for pair, factor in pace.items()}
            groups[HEALTH]["clamp_rate"] = groups[HARMONY]["clamp_rate"]
        return groups


def _suspects(encoded: Encoded, batch: Batch) -> list[str]:
    """Keys of this rank's samples whose representation is not finite."""
    rows = {
        int(row) // (encoded.valid[branch].shape[1] if branch == "text" else 1)
        for branch, z in encoded.z.items()
        for row in encoded.rows[branch][nonfinite_rows(z)]
    }
    return [batch.keys[row] for row in sorted(rows)]


def _statistics(harmonized: Harmonized | None) -> Callable[[], dict[str, Tensor]] | None:
    """Made only when asked for, of what is small: the cotangents need not outlive the step."""
    return None if harmonized is None else partial(statistics, harmonized.comparison, harmonized.keep)


def _per_sample(judged: Judged) -> dict[str, Tensor | None]:
    losses: dict[str, Tensor | None] = {f"loss_{pair}": values for pair, values in judged.losses.per_sample.items()}
    if judged.harmonized is None:
        return {"cosine": None, "kept": None, "log_norm_ratio": None} | losses
    comparison = judged.harmonized.comparison
    of_losses = {"cosine": comparison.cosines, "log_norm_ratio": comparison.log_norm_ratio}
    return of_losses | {"kept": judged.harmonized.keep} | losses
