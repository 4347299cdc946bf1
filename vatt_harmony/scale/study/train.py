"""One run: an arm trained on a corpus, with the package's own step."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.engine.optim import OptimConfig, build_optimizer
from vatt_harmony.engine.parts import build_model
from vatt_harmony.engine.schedule import learning_rate
from vatt_harmony.engine.surrogate import Judged
from vatt_harmony.harmony.config import CurriculumConfig, HarmonyConfig
from vatt_harmony.harmony.curriculum import level
from vatt_harmony.harmony.scores import scores_of
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.objective.objective import PairLosses
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.study.arms import Arm
from vatt_harmony.scale.study.clips import WRONG, Corpus
from vatt_harmony.scale.study.data import Training, batch_of
from vatt_harmony.scale.study.evaluate import evaluate
from vatt_harmony.scale.study.observed import Observed
from vatt_harmony.scale.study.presets import Preset
from vatt_harmony.scale.study.step import take_step
from vatt_harmony.scale.study.visits import Values, Visits, epoch
from vatt_harmony.stream.batch import Batch

SELECT_FROM = 0.3
"""Share of the run after which clips are dropped or drawn less often."""
DROP_FULLY = 0.5
"""Share of the run from which the curriculum drops its full share."""
DROPPED = 0.2
"""Share of each batch that the curriculum then drops."""
SGD_RATE, MOMENTUM = 0.2, 0.9


@dataclass(kw_only=True)
class Run:
    """What is left of a run."""

    scores: dict[str, float]
    """Of the trained model, `evaluate`."""
    wrong_drawn: float
    """Share of wrong clips among the draws of the second half."""
    wrong_dropped: float
    """Share of wrong clips among those dropped; NaN where none was."""
    cpu_seconds: float
    losses: list[float]
    """Mean of the last 20 steps, by pair."""
    observed: Observed


@dataclass(kw_only=True)
class Trainer:
    """One arm on one corpus; equal seeds give equal first weights, orders and sentences in every arm."""

    preset: Preset
    arm: Arm
    seed: int
    corpus: Corpus
    training: Training
    observed: Observed = field(default_factory=Observed)

    def __post_init__(self) -> None:
        self.device = torch.device(self.preset.device)
        self.model: Vatt = build_model(self.preset.model(self.corpus.vocabulary), self.seed).to(self.device).train()
        self.optim = self.preset.optim()
        self.optimizer = _optimizer(self.model, self.optim, self.arm)
        self.harmony = harmony_config(self.arm, self.preset.steps)
        self.wrong = np.isin(self.training.faults, WRONG)
        self.visits = Visits(len(self.wrong))
        self.dropped_wrong: list[float] = []
        self.looks = _looks(self.corpus)[: len(self.wrong)]

    def run(self) -> Run:
        """Train, then evaluate."""
        started, losses, drawn = time.process_time(), [], []
        for step, rows in enumerate(self.rows()):
            batch = batch_of(self.training, rows, self.seed, step)
            judged = self.step(batch, step)
            self._observe(rows, batch, judged)
            losses.append([float(values.mean()) for values in judged.losses.per_sample.values()])
            drawn.append(self.wrong[rows].mean())
        return Run(
            scores=evaluate(self.model, self.corpus, self.device),
            wrong_drawn=float(np.mean(drawn[len(drawn) // 2 :])),
            wrong_dropped=float(np.mean(self.dropped_wrong)) if self.dropped_wrong else float("nan"),
            cpu_seconds=time.process_time() - started,
            losses=np.mean(losses[-20:], axis=0).tolist(),
            observed=self.observed,
        )

    def rows(self) -> Iterator[NDArray[np.int64]]:
        """Clips of every step, `[B]` each; the ledger is asked when an epoch begins."""
        waiting = np.zeros(0, np.int64)
        number = 0
        for step in range(self.preset.steps):
            while len(waiting) < self.preset.batch:
                waiting = np.concatenate([waiting, epoch(self._weights(step), len(self.wrong), self.seed, number)])
                number += 1
            rows, waiting = waiting[: self.preset.batch], waiting[self.preset.batch :]
            yield rows

    def _weights(self, step: int) -> Values | None:
        """Draw weights at a step; None for equal ones."""
        if self.arm.draw == "equal" or step < SELECT_FROM * self.preset.steps:
            return None
        if self.arm.draw == "oracle":
            return np.where(self.wrong, 1e-9, 1.0)
        weights = self.visits.weights(self.arm.draw)
        if self.arm.permuted:
            weights = weights[keyed_generator(self.seed, "study", "permuted").permutation(len(weights))]
        return weights

    def step(self, batch: Batch, step: int) -> Judged:
        """One step at the arm's rate and with its options."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step)
        return take_step(
            self.model,
            self.optimizer,
            batch,
            self.preset.objective,
            self.harmony,
            step,
            clip=self.optim.clip,
            order=self._other_rows(step) if self.arm.permuted else None,
            scores=partial(self._drop_scores, step),
        )

    def _rate(self, step: int) -> float:
        rate = learning_rate(step, self.optim, self.preset.steps)
        return rate if self.arm.optimizer == "adamw" else rate * SGD_RATE / self.optim.lr

    def _other_rows(self, step: int) -> Tensor:
        order = keyed_generator(self.seed, "study", "other row", step).permutation(self.preset.batch)
        return torch.from_numpy(order).to(self.device)

    def _drop_scores(self, step: int, losses: PairLosses) -> Tensor | None:
        if level(self.harmony.curriculum, step) is None:
            return None
        return scores_of(self.harmony.curriculum.score, losses.per_sample, None, self.seed, step)

    def _observe(self, rows: NDArray[np.int64], batch: Batch, judged: Judged) -> None:
        assert judged.harmonized is not None, "every arm measures"
        harmonized = judged.harmonized
        cosines = harmonized.cosines.double().cpu().numpy()
        losses = torch.stack(list(judged.losses.per_sample.values()), dim=1).double().cpu().numpy()
        keep = harmonized.keep.cpu().numpy()
        if not keep.all():
            self.dropped_wrong.append(float(self.wrong[rows][~keep].mean()))
        self.visits.add(rows, cosines, losses.sum(axis=1))
        look, count = np.unique(self.looks[rows], return_counts=True)
        seen = self.observed
        seen.rows.append(rows)
        seen.cosines.append(cosines)
        seen.losses.append(losses)
        squared = harmonized.comparison.gram.diagonal(dim1=1, dim2=2).double().clamp(min=1e-300)
        seen.log_norms.append((squared.log() / 2).cpu().numpy())
        seen.same_look.append(np.isin(self.looks[rows], look[count > 1]))
        seen.tells_sound.append((batch.text == self.corpus.sound_token).flatten(1).any(dim=1).numpy())


def harmony_config(arm: Arm, steps: int) -> HarmonyConfig:
    """The package's options of an arm; every arm measures, plain ones by the rule `sum`, which changes nothing."""
    curriculum = CurriculumConfig()
    if arm.drop != "none":
        curriculum = CurriculumConfig(
            kind="quantile",
            score=arm.drop,
            q0=0.0,
            q1=DROPPED,
            t0=round(SELECT_FROM * steps),
            t1=round(DROP_FULLY * steps),
        )
    return HarmonyConfig(signal=arm.signal, branches=arm.branches, rule=arm.rule, curriculum=curriculum)


def _optimizer(model: Vatt, optim: OptimConfig, arm: Arm) -> torch.optim.Optimizer:
    if arm.optimizer == "adamw":
        return build_optimizer(model, optim)
    return torch.optim.SGD(model.parameters(), lr=SGD_RATE, momentum=MOMENTUM)


def _looks(corpus: Corpus) -> NDArray[np.int64]:
    """Number of each training clip's look."""
    visible = corpus.truth("train")[:, :4]
    return np.unique(visible, axis=0, return_inverse=True)[1].ravel()
