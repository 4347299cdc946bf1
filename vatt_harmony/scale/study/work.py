"""Make the runs of the study that are not on record yet, each in one thread, several at a time."""

import logging
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import torch

from vatt_harmony.figures import commit
from vatt_harmony.scale.study.arms import ARMS
from vatt_harmony.scale.study.clips import Corpus
from vatt_harmony.scale.study.data import digest, training_clips
from vatt_harmony.scale.study.presets import Preset
from vatt_harmony.scale.study.protocol import Group
from vatt_harmony.scale.study.records import is_done, refuse_other_clips, write_record
from vatt_harmony.scale.study.train import Trainer

log = logging.getLogger(__name__)


def run_groups(groups: Sequence[Group], preset: Preset, folder: Path, processes: int = 1) -> None:
    """Make all runs of `groups` whose records are not in `folder`; starting again goes on where it was left.

    Raises UserError for records of other clips.
    """
    refuse_other_clips(folder)
    left = [group for group in groups if not all(is_done(folder, job) for job in group)]
    if processes == 1:
        for group in left:
            run_group(group, preset, folder)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        for done in [pool.submit(run_group, group, preset, folder) for group in left]:
            done.result()


def run_group(group: Group, preset: Preset, folder: Path) -> None:
    """Runs on one corpus, which is drawn once."""
    first = group[0]
    corpus = Corpus(first.seed, preset.shape)
    faults = corpus.faults(first.share, first.clean, first.train)
    with training_clips(corpus, faults) as training:
        for job in group:
            if is_done(folder, job):
                continue
            trainer = Trainer(preset=preset, arm=ARMS[job.arm], seed=job.seed, corpus=corpus, training=training)
            run = trainer.run()
            record = {
                **asdict(job),
                **run.scores,
                "wrong_drawn": run.wrong_drawn,
                "wrong_dropped": None if math.isnan(run.wrong_dropped) else run.wrong_dropped,
                "losses": run.losses,
                "cpu_seconds": round(run.cpu_seconds, 1),
                "meanings": run.observed.meanings(faults),
                "digest": digest()[:16],
                "commit": commit(),
            }
            write_record(folder, job, record, run, faults)
            log.info("%s: text-to-video R@1 %.3f", job.name, run.scores["text_to_video"])


def _one_thread() -> None:
    torch.set_num_threads(1)
