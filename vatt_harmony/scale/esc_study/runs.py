"""Make the runs of the study on ESC-10 that are not on record yet."""

import itertools
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vatt_harmony.figures import commit
from vatt_harmony.model.vatt import Vatt
from vatt_harmony.randomness import keyed_int
from vatt_harmony.scale.esc_study.network import SoundClassifier, spectrograms
from vatt_harmony.scale.esc_study.pretraining import encoder, network_config
from vatt_harmony.scale.esc_study.probe import Features, encoded, log_mel_statistics, probe
from vatt_harmony.scale.esc_study.protocol import EPOCHS, LOG_MEL, RATES, STRENGTHS, TUNING_SEED, Job, jobs
from vatt_harmony.scale.esc_study.records import Record, append, find, missing, read
from vatt_harmony.scale.esc_study.sounds import Index, Sounds, final_parts, read_sounds, tuning_parts
from vatt_harmony.scale.esc_study.train import Settings, answers, fit

log = logging.getLogger(__name__)
CLASSES = 10
Choice = Mapping[str, float]
Guess = Callable[[Choice, Index, Index], NDArray[np.int64]]
"""What was chosen, places that train, places to classify -> their classes."""


@dataclass(frozen=True)
class Study:
    """The sounds in every form, and the folder of what is made from them."""

    sounds: Sounds
    seen: Tensor
    """Spectrograms `[N, F, mels]`."""
    statistics: Features
    work: Path


def make(data: Path, folder: Path) -> None:
    """Make the runs that `folder` has no record of, from ESC-10 in `data`; starting again goes on where it was left.

    Pretrained encoders and their corpora stay in `folder`/work. Half an hour of one core.
    """
    left = missing(read(folder), jobs())
    if not left:
        return
    study = open_study(data, folder / "work")
    for job in left:
        append(folder, run(job, study, read(folder)))
        log.info("%s, fold %d, seed %d", job.arm.name, job.fold, job.seed)


def open_study(data: Path, work: Path) -> Study:
    """Read the sounds."""
    sounds = read_sounds(data)
    waves = torch.from_numpy(sounds.waves)
    return Study(sounds, spectrograms(waves, network_config()), log_mel_statistics(waves), work)


def run(job: Job, study: Study, records: list[Record]) -> Record:
    """Tune where this is the seed that does, train, and classify the test fold once."""
    guess, choices = _method(job, study)
    started = time.process_time()
    tuned = find(records, Job(arm=job.arm, fold=job.fold, seed=TUNING_SEED))
    chosen, validation = (tuned.chosen, None) if tuned else _tune(guess, choices, study.sounds, job.fold)
    training, test = final_parts(study.sounds.folds, job.fold)
    right = guess(chosen, training, test) == study.sounds.classes[test]
    return Record(
        arm=job.arm,
        fold=job.fold,
        seed=job.seed,
        sounds=[study.sounds.names[place] for place in test],
        right=right.astype(int).tolist(),
        chosen=dict(chosen),
        validation=validation,
        cpu_seconds=round(time.process_time() - started, 1),
        commit=commit(),
    )


def _tune(guess: Guess, choices: Iterable[Choice], sounds: Sounds, fold: int) -> tuple[Choice, float]:
    """The choice of the best accuracy on the validation fold, the first of equals, and that accuracy."""
    training, held_out = tuning_parts(sounds.folds, fold)
    found = [(float((guess(c, training, held_out) == sounds.classes[held_out]).mean()), c) for c in choices]
    accuracy, chosen = max(found, key=lambda pair: pair[0])
    return chosen, round(accuracy, 6)


def _method(job: Job, study: Study) -> tuple[Guess, list[Choice]]:
    if job.arm == LOG_MEL:
        return _probe(study.statistics, study.sounds), _strengths()
    start = encoder(job.arm.start, job.fold, job.seed, study.sounds, study.work)
    if job.arm.method == "probe":
        return _probe(encoded(SoundClassifier(start, CLASSES), study.seen), study.sounds), _strengths()
    return _fine_tune(start, job, study), [{"lr": lr, "epochs": n} for lr, n in itertools.product(RATES, EPOCHS)]


def _strengths() -> list[Choice]:
    return [{"C": strength} for strength in STRENGTHS]


def _probe(features: Features, sounds: Sounds) -> Guess:
    def guess(choice: Choice, training: Index, asked: Index) -> NDArray[np.int64]:
        fitted = probe(choice["C"]).fit(features[training], sounds.classes[training])
        found: NDArray[np.int64] = fitted.predict(features[asked])
        return found

    return guess


def _fine_tune(start: Vatt, job: Job, study: Study) -> Guess:
    weights = {name: value.clone() for name, value in start.state_dict().items()}
    classes, seed = torch.from_numpy(study.sounds.classes), keyed_int(job.seed, "esc10", job.fold) % (1 << 31)

    def guess(choice: Choice, training: Index, asked: Index) -> NDArray[np.int64]:
        start.load_state_dict(weights)  # a classifier trains the model's own tower
        model = SoundClassifier(start, CLASSES)
        settings = Settings(lr=choice["lr"], epochs=int(choice["epochs"]))
        fit(model, study.seen[training], classes[training], settings, seed)
        found: NDArray[np.int64] = answers(model, study.seen[asked]).numpy()
        return found

    return guess
