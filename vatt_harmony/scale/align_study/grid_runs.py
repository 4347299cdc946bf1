"""Make the runs of the study on GRID films that are not on record yet."""

import logging
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.baselines.registry import BASELINES as SIMILARITY
from vatt_harmony.align.baselines.tune import tune
from vatt_harmony.align.config import AlignConfig
from vatt_harmony.align.decode import predict_all
from vatt_harmony.align.metrics import scores
from vatt_harmony.align.sequence import Owners, owners_of
from vatt_harmony.align.train.fit import fit
from vatt_harmony.figures import commit
from vatt_harmony.randomness import keyed_int
from vatt_harmony.scale.align_study.grid_corpus import read_corpus
from vatt_harmony.scale.align_study.grid_features import features_of
from vatt_harmony.scale.align_study.grid_folds import Fold, fold_of
from vatt_harmony.scale.align_study.grid_protocol import AMOUNTS, ARMS, BASELINES, Job, jobs
from vatt_harmony.scale.align_study.grid_publish import publish
from vatt_harmony.scale.align_study.grid_records import Record, append, is_done, read, scored

log = logging.getLogger(__name__)
PUBLISHED = "published"
"""Folder, beside the records, of the files that docs/alignment holds."""


def make(grid: Path, folder: Path) -> None:
    """Make the runs that `folder` has no record of, from the clips in `grid`; starting again goes on where it was left.

    Encoders are trained the first time and their features kept beside the records. All on one core: an hour.
    """
    left = [job for job in jobs() if not is_done(read(folder), job)]
    if not left:
        return
    corpus = read_corpus(grid)
    load = lru_cache(maxsize=1)(lambda fold: features_of(corpus, fold, folder))
    films = lru_cache(maxsize=2)(lambda fold, shown: fold_of(corpus, load(fold), fold, shown, AMOUNTS))
    for job in left:
        append(folder, run(job, films(job.fold, job.shown)))
        log.info("%s, %s, fold %d, seed %d", job.arm, job.shown, job.fold, job.seed)
    publish(folder, folder / PUBLISHED)


def run(job: Job, fold: Fold) -> list[Record]:
    """The records of one job."""
    if job.arm == BASELINES:
        return [*_without_features(job, fold), *_by_similarity(job, fold)]
    return [_trained(job, fold, ARMS[job.arm])]


def _trained(job: Job, fold: Fold, config: AlignConfig) -> Record:
    started = time.process_time()
    fitted = fit(_seeded(config, job), fold.training, fold.validation)
    predictions = predict_all(fitted.model, fold.test, config.decode)
    found = [owners_of(p.pairs, len(s.clips)) for p, s in zip(predictions, fold.test, strict=True)]
    chosen = f"epoch {fitted.best_epoch}"
    return _record(job, job.arm, fold, found, fitted.figures["validation/accuracy"], chosen, started)


def _without_features(job: Job, fold: Fold) -> list[Record]:
    started = time.process_time()
    return [
        _record(job, name, fold, [method(sequence) for sequence in fold.test], None, "", started)
        for name, method in FEATURE_FREE.items()
    ]


def _by_similarity(job: Job, fold: Fold) -> list[Record]:
    records = []
    for name, baseline in SIMILARITY.items():
        started = time.process_time()
        tuned = tune(baseline, fold.validation, "accuracy")
        found = [tuned(sequence) for sequence in fold.test]
        records.append(_record(job, name, fold, found, tuned.validation, tuned.describe(), started))
    return records


def _seeded(config: AlignConfig, job: Job) -> AlignConfig:
    return replace(config, seed=keyed_int(job.seed, "grid films", job.fold))


def _record(
    job: Job, method: str, fold: Fold, found: list[Owners], validation: float | None, chosen: str, started: float
) -> Record:
    return Record(
        arm=job.arm,
        method=method,
        shown=job.shown,
        fold=job.fold,
        seed=job.seed,
        films=[sequence.name for sequence in fold.test],
        scores=scored([scores(s, own) for s, own in zip(fold.test, found, strict=True)]),
        validation=validation,
        chosen=chosen,
        cpu_seconds=round(time.process_time() - started, 1),
        commit=commit(),
    )
