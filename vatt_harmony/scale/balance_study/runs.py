"""Make the runs of the study that are not on record yet."""

import copy
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vatt_harmony.figures import commit
from vatt_harmony.scale.balance_study.arms import ALONE, Arm, Setting, arm_named
from vatt_harmony.scale.balance_study.batches import Shifted
from vatt_harmony.scale.balance_study.data import TASKS
from vatt_harmony.scale.balance_study.fold import Fold
from vatt_harmony.scale.balance_study.jobs import Job, jobs
from vatt_harmony.scale.balance_study.networks import LoneNetworks
from vatt_harmony.scale.balance_study.probe import probe
from vatt_harmony.scale.balance_study.publish import publish
from vatt_harmony.scale.balance_study.records import Record, Trial, append, packed, read
from vatt_harmony.scale.balance_study.task import MODALITIES
from vatt_harmony.scale.balance_study.train import Trained, train_alone, train_joint

log = logging.getLogger(__name__)
TENTHS = 10
PUBLISHED = "published"
"""Folder, beside the records, of the files that docs/balancing holds."""


def make(data: Path, folder: Path, wanted: Sequence[Job] | None = None) -> None:
    """Make the runs (all, or those `wanted`) that `folder` has no record of, from the real media in `data`.

    Starting again goes on where it was left; when all are done, tables and plots are drawn. On one core: an hour.
    """
    torch.set_num_threads(1)
    tasks = lru_cache(maxsize=None)(lambda name: TASKS[name](data))
    shifted = lru_cache(maxsize=None)(lambda name: Shifted.of(tasks(name)))
    known = {Job(task=r.task, arm=r.arm, fold=r.fold, seed=r.seed): r for r in read(folder)}
    for job in jobs() if wanted is None else wanted:
        if job not in known:
            known[job] = run(job, Fold(tasks(job.task), shifted(job.task), job.fold), known)
            append(folder, known[job])
            log.info("%s, %s, fold %d, seed %d: %.1f s", *vars(job).values(), known[job].cpu_seconds)
    if wanted is None:
        publish(folder, folder / PUBLISHED)


def run(job: Job, fold: Fold, known: Mapping[Job, Record]) -> Record:
    """The record of one job; the first seed tries all settings, the others take its choice."""
    started, arm = time.process_time(), arm_named(job.arm)
    settings = _settings(arm, job, known)
    if job == job.first_seed:
        tried = [_train(fold, arm, dict.fromkeys(_outputs(arm), setting), job.seed) for setting in settings]
        trials = [_trial(trained, fold) for trained in tried]
        chosen = {name: _best(trials, name) for name in _outputs(arm)}
        trained = _picked(tried, chosen)
    else:
        trials, chosen = [], dict(known[job.first_seed].chosen)
        trained = _train(fold, arm, {name: settings[place] for name, place in chosen.items()}, job.seed)
    hits, only = _tested(trained, fold)
    return Record(
        task=job.task,
        arm=job.arm,
        fold=job.fold,
        seed=job.seed,
        chosen=chosen,
        trials=trials,
        clips=len(fold.labels("test")),
        hits=hits,
        probes={m: packed(probe(trained.encoders[m], m, fold)) for m in MODALITIES},
        only=only,
        k=_tenths(trained.k),
        deviation=_tenths([[abs(k - 1) for k in step] for step in trained.k]),
        cpu_seconds=round(time.process_time() - started, 2),
        commit=commit(),
    )


def _outputs(arm: Arm) -> Sequence[str]:
    """What settings are chosen for."""
    return MODALITIES if arm.rule == ALONE else ("fused",)


def _settings(arm: Arm, job: Job, known: Mapping[Job, Record]) -> Sequence[Setting]:
    """The arm's; a control holds the mean k that the trials of the arm it controls had in this fold."""
    if not arm.control_of:
        return arm.settings
    trials = known[replace(job.first_seed, arm=arm.control_of)].trials
    held = [{"k": dict(zip(MODALITIES, trial.k, strict=True))} for trial in trials]
    return [replace(setting, options=k) for setting, k in zip(arm.settings, held, strict=True)]


def _train(fold: Fold, arm: Arm, settings: Mapping[str, Setting], seed: int) -> Trained:
    if arm.rule == ALONE:
        return train_alone(fold, arm, settings, seed)
    return train_joint(fold, arm, settings["fused"], seed)


def _trial(trained: Trained, fold: Fold) -> Trial:
    """How a setting does on the validation clips."""
    labels, outputs = fold.labels("val"), trained.logits(fold.inputs("val"))
    return Trial(
        validation={name: _share(logits, labels) for name, logits in outputs.items()},
        loss={name: round(float(F.cross_entropy(logits, labels)), 4) for name, logits in outputs.items()},
        k=[round(k, 4) for k in torch.tensor(trained.k).mean(0).tolist()] if trained.k else [],
    )


def _best(trials: Sequence[Trial], name: str) -> int:
    """The place of the setting with the best accuracy, and of those the lowest loss."""
    return max(range(len(trials)), key=lambda place: (trials[place].validation[name], -trials[place].loss[name]))


def _picked(tried: Sequence[Trained], chosen: Mapping[str, int]) -> Trained:
    """The chosen trial; of networks trained alone, each modality's from its own."""
    if "fused" in chosen:
        return tried[chosen["fused"]]
    networks = [trained.model for trained in tried if isinstance(trained.model, LoneNetworks)]
    joined = copy.deepcopy(networks[0])
    for m, place in chosen.items():
        joined.encoders[m], joined.heads[m] = networks[place].encoders[m], networks[place].heads[m]
    return Trained(model=joined)


def _tested(trained: Trained, fold: Fold) -> tuple[dict[str, str], dict[str, float]]:
    """Which test clips are right, and the accuracy of the fused output with one modality only."""
    inputs, labels = fold.inputs("test"), fold.labels("test")
    outputs = trained.logits(inputs)
    if "fused" in outputs:
        only = {m: _share(trained.only(m, inputs), labels) for m in MODALITIES}
    else:
        outputs["ensemble"], only = torch.stack([logits.softmax(1) for logits in outputs.values()]).mean(0), {}
    return {name: packed(logits.argmax(1) == labels) for name, logits in outputs.items()}, only


def _share(logits: Tensor, labels: Tensor) -> float:
    return round(float((logits.argmax(1) == labels).float().mean()), 4)


def _tenths(steps: Sequence[Sequence[float]]) -> list[list[float]]:
    """Means of ten equal parts of a run, `[10, M]`; of nothing, nothing."""
    parts = torch.tensor(steps, dtype=torch.float64).chunk(TENTHS) if steps else ()
    return [[round(mean, 3) for mean in part.mean(0).tolist()] for part in parts]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    make(Path(sys.argv[1]), Path(sys.argv[2]))
