"""The runs of the study on ESC-10, in the order in which they are made; why: docs/balancing/protocol-esc10.md."""

from dataclasses import dataclass
from typing import Literal

Start = Literal["initial values", "voices", "voices + recordings", "log-mel"]
Method = Literal["fine-tune", "probe"]
FOLDS = (1, 2, 3, 4)
SEEDS = (1, 2, 3)
ADDED_SEEDS = (4, 5, 6)
"""Of the arms in EXTENDED, decided on after the endpoint with SEEDS had been read, and published beside it."""
TUNING_SEED = 1
VOICES = 1000
CONTINUED_STEPS, CONTINUED_RATE = 150, 2e-3
RATES, EPOCHS = (1e-3, 3e-3), (20, 60)
STRENGTHS = (0.003, 0.03, 0.3, 3.0)
"""Inverse regularisation C of the probes."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What a classifier begins from, and what is trained."""

    start: Start
    method: Method

    @property
    def name(self) -> str:
        """As in tables."""
        return "scratch" if self == SCRATCH else f"{self.start}, {self.method}"


SCRATCH = Arm(start="initial values", method="fine-tune")
LOG_MEL = Arm(start="log-mel", method="probe")
UNTRAINED = Arm(start="initial values", method="probe")
PRETRAINED = (
    Arm(start="voices", method="probe"),
    Arm(start="voices", method="fine-tune"),
    Arm(start="voices + recordings", method="probe"),
    Arm(start="voices + recordings", method="fine-tune"),
)
"""The arms of the endpoint, (a) to (d)."""
ARMS = (SCRATCH, *PRETRAINED, UNTRAINED, LOG_MEL)
EXTENDED = (PRETRAINED[1], SCRATCH, PRETRAINED[0])
"""The arms that were run with more seeds."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run, a line of the records."""

    arm: Arm
    fold: int
    seed: int


def jobs() -> list[Job]:
    """All runs, in blocks; in each, the seed that tunes comes first."""
    fresh = [arm for arm in ARMS if arm.start != "voices + recordings"]
    continued = [arm for arm in ARMS if arm.start == "voices + recordings"]
    planned = ((SEEDS[:1], fresh), (SEEDS[:2], continued), (SEEDS[1:2], fresh), (SEEDS[2:], ARMS))
    return [
        Job(arm=arm, fold=fold, seed=seed)
        for seeds, arms in (*planned, (ADDED_SEEDS, EXTENDED))
        for seed in seeds
        for arm in arms
        if arm != LOG_MEL or seed == TUNING_SEED
        for fold in FOLDS
    ]
