"""The runs of the study, in the order in which they are made."""

from dataclasses import dataclass, replace

from vatt_harmony.scale.balance_study.arms import PEERS, arms
from vatt_harmony.scale.balance_study.data import TASKS
from vatt_harmony.scale.balance_study.task import FOLDS

SEEDS = tuple(range(5))


@dataclass(frozen=True, kw_only=True)
class Job:
    """One line of the records: with the first seed a training for each setting, otherwise one."""

    task: str
    arm: str
    fold: int
    seed: int

    @property
    def first_seed(self) -> "Job":
        """The job whose choice of a setting this one takes."""
        return replace(self, seed=SEEDS[0])


def jobs() -> list[Job]:
    """All runs: those with both optimisers, then the peers, seed after seed."""
    peers = [arm.name for arm in PEERS]
    own = [arm.name for arm in arms() if arm.name not in peers]
    return [
        Job(task=task, arm=arm, fold=fold, seed=seed)
        for group in (own, peers)
        for seed in SEEDS
        for task in TASKS
        for arm in group
        for fold in range(FOLDS)
    ]
