"""The runs of the studies on text, in the order in which they are made; why: docs/alignment/protocol-text.md."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from vatt_harmony.align.config import AlignConfig, PretrainConfig
from vatt_harmony.config import load_config, shipped_file

PUBLISHED, WINDOW, POSITIONS = "NeuMATCH", "NeuMATCH + window", "positions alone"
BASELINES = "baselines"
"""The job that tunes and tests all rows that are not trained."""
TABLE_7 = (
    "full-adam",
    "full-lars-sbn",
    "full-lars-2ln",
    "full-lars-4ln",
    "rp-adam-sbn",
    "rp-adam-2ln",
    "rp-adam-4ln",
    "rp-lars-sbn",
    "rp-lars-2ln",
    "rp-lars-4ln",
)
PRETRAINED, PLAIN = ", pretrained", ", no window"
"""What an arm's name says beside its preset."""
LITTLE = (
    "full-adam",
    "full-adam" + PRETRAINED,
    "rp-lars-sbn",
    "rp-lars-sbn" + PRETRAINED,
    "lxmert",
    "rp-adamwarm-sbn",
)
"""Arms on little data."""
SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
SEEDS = (1, 2, 3, 4, 5)
ANALYSED = 2
"""Seeds, from the first, whose movement is recorded for the presets at all training videos."""
PATIENCE = 2
"""Epochs without a better training loss after which the rate is halved; published 10 of 350."""

Name = Literal["TACoS", "HM-1", "HM-2", "HM-2, small"]
COMPARED: tuple[Name, ...] = ("HM-1", "HM-2", "TACoS")
"""Data on which NeuMATCH stands against all baselines."""
SMALL: Name = "HM-2, small"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How long a run is; equal for all arms on one data set."""

    updates: int
    batch: int
    validations: int
    """How often it is validated, evenly spaced; the best of them is tested."""


SIZES: Mapping[Name, Size] = {
    "TACoS": Size(updates=304, batch=32, validations=4),
    "HM-1": Size(updates=410, batch=32, validations=5),
    "HM-2": Size(updates=410, batch=32, validations=5),
    SMALL: Size(updates=120, batch=16, validations=4),
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run, a line of the records."""

    data: Name
    arm: str
    share: float = 1.0
    """Of the training videos."""
    seed: int = 0


def jobs() -> list[Job]:
    """All runs, in the order in which they are made; of little data by seeds, so that all arms grow alike."""
    compared = {
        data: [
            Job(data=data, arm=BASELINES),
            *(Job(data=data, arm=arm, seed=seed) for seed in SEEDS for arm in (WINDOW, PUBLISHED, POSITIONS)),
        ]
        for data in COMPARED
    }
    little = [
        Job(data=SMALL, arm=arm, share=share, seed=seed)
        for seed in SEEDS
        for share in SHARES
        for arm in (LITTLE if share < 1 else dict.fromkeys((*LITTLE, *TABLE_7)))
    ]
    plain = [Job(data=SMALL, arm=arm + PLAIN, seed=seed) for seed in SEEDS for arm in TABLE_7]
    return [*compared["HM-1"], *compared["HM-2"], *little, *plain, *compared["TACoS"]]


def config_of(job: Job, sequences: int) -> AlignConfig:
    """The recipe of a run over so many training sequences, each of which makes one piece."""
    size = SIZES[job.data]
    epochs = -(-size.updates // -(-sequences // size.batch))
    arm = _compared(job) if job.data in COMPARED else _little(job.arm)
    return replace(
        arm,
        network=replace(arm.network, width=64, actions="one_to_many" if job.data == "TACoS" else "one_to_one"),
        optim=replace(arm.optim, patience=PATIENCE, warmup_epochs=-(-epochs // 5) if arm.optim.warmup_epochs else 0),
        train=replace(
            arm.train,
            epochs=epochs,
            batch=size.batch,
            validate_every=max(1, epochs // size.validations),
            analysis=job.data == SMALL and job.share == 1 and job.seed <= ANALYSED,
        ),
        seed=job.seed,
    )


def _compared(job: Job) -> AlignConfig:
    """All arms are the recommended preset; ours adds the window, and trains on the network's own actions."""
    preset = _preset("rp-lars-sbn")
    if job.arm == WINDOW:
        window = 3 if job.data == "TACoS" else 8
        return replace(preset, network=replace(preset.network, window=window), train=replace(preset.train, rollin=1.0))
    return replace(preset, network=replace(preset.network, content=job.arm == PUBLISHED))


def _little(arm: str) -> AlignConfig:
    """A preset, with the window unless its name says otherwise."""
    preset = _preset(arm.removesuffix(PRETRAINED).removesuffix(PLAIN))
    pretrain = PretrainConfig(epochs=10 if arm.endswith(PRETRAINED) else 0)
    window = 0 if arm.endswith(PLAIN) else 3
    return replace(preset, network=replace(preset.network, window=window), pretrain=pretrain)


@cache
def _preset(name: str) -> AlignConfig:
    return load_config(AlignConfig, shipped_file(f"configs/align/{name}.yaml"))
