"""Make the runs of the studies on text that are not on record yet."""

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.baselines.registry import BASELINES as SIMILARITY
from vatt_harmony.align.baselines.tune import tune
from vatt_harmony.align.config import AlignConfig, PretrainConfig
from vatt_harmony.align.decode import predict_all
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import Owners, owners_of
from vatt_harmony.align.train.fit import fit, starting_model
from vatt_harmony.align.train.history import Epoch
from vatt_harmony.align.train.pair_pretrain import pretrain_pairs
from vatt_harmony.figures import commit
from vatt_harmony.scale.align_study.text_data import Data, Films, Split, load, with_joint
from vatt_harmony.scale.align_study.text_protocol import BASELINES, Job, config_of, jobs
from vatt_harmony.scale.align_study.text_publish import publish
from vatt_harmony.scale.align_study.text_records import Record, append, by_video, is_done, read

log = logging.getLogger(__name__)
PUBLISHED = "published"
"""Folder, beside the records, of the files that docs/alignment holds."""


def make(root: Path, folder: Path, wanted: Sequence[Job] | None = None) -> None:
    """Make the runs (all of the protocol, or those `wanted`) that `folder` has no record of, from the data in `root`.

    Starting again goes on where it was left; when all of the protocol are done, tables and plots are drawn from them.
    In one thread: about half an hour.
    """
    torch.set_num_threads(1)
    loaded = lru_cache(maxsize=1)(lambda name: load(name, root))
    for job in jobs() if wanted is None else wanted:
        if not is_done(read(folder), job):
            append(folder, run(job, loaded(job.data)))
            log.info("%s: %s, share %g, seed %d", job.data, job.arm, job.share, job.seed)
    if wanted is None:
        publish(folder, folder / PUBLISHED)


def run(job: Job, data: Data) -> list[Record]:
    """The records of one job."""
    split = data.split
    if not split.train[0].has_joint:
        split = with_joint(split, job.share, job.seed)
    if job.arm == BASELINES:
        return [*_without_features(job, split), *_by_similarity(job, split)]
    return [_trained(job, split, data.other)]


def _trained(job: Job, split: Split, other: Films) -> Record:
    started = time.process_time()
    config = config_of(job, len(split.train))
    start = _pretrained(config, other) if config.pretrain.epochs else None
    fitted = fit(replace(config, pretrain=PretrainConfig()), split.train, split.validation, start=start)
    predictions = predict_all(fitted.model, split.test, config.decode)
    found = [owners_of(p.pairs, len(s.clips)) for p, s in zip(predictions, split.test, strict=True)]
    chosen = f"epoch {fitted.best_epoch}"
    record = _record(job, job.arm, split, found, fitted.figures["validation/accuracy"], chosen, started)
    return replace(record, movement=_movement(fitted.history))


def _pretrained(config: AlignConfig, other: Films) -> NeuMatch:
    """A network whose encoders were trained on pairs of other data."""
    model = starting_model(config, [stream.features.shape[1] for stream in other[0].streams], None)
    pretrain_pairs(model, other, config.pretrain, config.seed)
    return model


def _movement(history: Sequence[Epoch]) -> dict[str, list[float]]:
    parts = [name for name in history[0] if name.startswith("movement/")]
    return {name.removeprefix("movement/"): [float(f"{epoch[name]:.3g}") for epoch in history] for name in parts}


def _without_features(job: Job, split: Split) -> list[Record]:
    records = []
    for name, method in FEATURE_FREE.items():
        started = time.process_time()
        tested, validated = ([method(film) for film in films] for films in (split.test, split.validation))
        accuracy = float(np.mean(by_video(split.validation, validated)[1]["accuracy"]))
        records.append(_record(job, name, split, tested, accuracy, "", started))
    return records


def _by_similarity(job: Job, split: Split) -> list[Record]:
    records = []
    for name, baseline in SIMILARITY.items():
        started = time.process_time()
        tuned = tune(baseline, split.validation, "accuracy")
        found = [tuned(sequence) for sequence in split.test]
        records.append(_record(job, name, split, found, tuned.validation, tuned.describe(), started))
    return records


def _record(
    job: Job, method: str, split: Split, found: list[Owners], validation: float | None, chosen: str, started: float
) -> Record:
    videos, figures = by_video(split.test, found)
    return Record(
        data=job.data,
        arm=job.arm,
        method=method,
        share=job.share,
        seed=job.seed,
        videos=videos,
        scores=figures,
        validation=validation,
        chosen=chosen,
        cpu_seconds=round(time.process_time() - started, 1),
        commit=commit(),
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    make(Path(sys.argv[1]), Path(sys.argv[2]))
