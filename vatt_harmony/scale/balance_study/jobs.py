"""The runs of the study, in the order in which they are made."""

from dataclasses import dataclass, replace

from vatt_harmony.scale.balance_study.arms import PEERS, arms
from vatt_harmony.scale.balance_study.data import TASKS
from vatt_harmony.scale.balance_study.task import FOLDS

SEEDS = tuple(range(10))
_FIRST, _MORE = SEEDS[:5], SEEDS[5:]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One line of the records: with seed 0 five trainings at most, otherwise one."""

    task: str
    arm: str
    fold: int
    seed: int

    @property
    def first_seed(self) -> "Job":
        """The job whose choice of a setting this one takes."""
        return replace(self, seed=SEEDS[0])


def jobs() -> list[Job]:
    """All runs: five seeds of the arms with both optimisers, five of the peers, then five more of all."""
    peers = [arm.name for arm in PEERS]
    own = [arm.name for arm in arms() if arm.name not in peers]
    return [
        Job(task=task, arm=arm, fold=fold, seed=seed)
        for group, seeds in ((own, _FIRST), (peers, _FIRST), ([*own, *peers], _MORE))
        for seed in seeds
        for task in TASKS
        for arm in group
        for fold in range(FOLDS)
    ]
