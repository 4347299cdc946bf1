"""Row 04.4: balancing beside joint training on three small real tasks, from the records of the study."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.figures import Figure
from vatt_harmony.scale.balance_study.arms import JOINT, MULTILOSS, arm_named
from vatt_harmony.scale.balance_study.compare import Table, table_of
from vatt_harmony.scale.balance_study.data import TASKS
from vatt_harmony.scale.balance_study.jobs import jobs
from vatt_harmony.scale.balance_study.records import read
from vatt_harmony.scale.balance_study.runs import make
from vatt_harmony.scale.balance_study.tables import accuracy, lead, probe_lead
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures

RECORDS = Path(__file__).parents[3] / "docs" / "balancing"
"""The finished study, in a checkout."""
SHOWN = ("mlb grad, SGD", "mlb lr, AdamW")
"""MLB as a user of each optimiser gets it."""

MEASURES = measures(
    "04.4",
    *(
        (f"{task}: {arm} {what}", goal, unit)
        for task in TASKS
        for arm in SHOWN
        for what, goal, unit in (
            ("minus joint", ">= 0", "points"),
            ("minus multiloss", ">= 0", "points"),
            ("weaker encoder's probe minus alone", ">= 0", "points"),
            ("accuracy", "", "%"),
        )
    ),
)


def measure(folder: Path, options: Options) -> Sequence[Figure]:
    """The figures of the records in `folder`; raises NotRun where one is missing."""
    table = table_of(read(folder))
    missing = [job for job in jobs() if (job.task, job.arm, job.fold, job.seed) not in table]
    if missing:
        first = f"{missing[0].task}, {missing[0].arm}, fold {missing[0].fold}, seed {missing[0].seed}"
        raise NotRun(
            f"{len(missing)} of {len(jobs())} runs are not on record in {folder}, the first is {first}; "
            "bench balance --records DIR makes them"
        )
    values = [value for task in TASKS for arm in SHOWN for value in _of(table, task, arm)]
    return [
        replace(figure, value=found.value, low=found.low, high=found.high, n=found.n)
        for figure, found in zip(MEASURES, values, strict=True)
    ]


def row(folder: Path) -> Row:
    """The row, from the records in `folder`."""
    return Row(
        id="04.4",
        title="MLB beside joint training and the sum of losses, GRID and AV digits",
        takes="seconds",
        measures=MEASURES,
        run=partial(measure, folder),
    )


def made_first(folder: Path) -> Row:
    """The row, which first makes the runs that `folder` has no record of."""

    def run(options: Options) -> Sequence[Figure]:
        if options.data is None:
            raise NotRun("there are no real media; set VATT_HARMONY_DATA to their folder")
        make(options.data, folder)
        return measure(folder, options)

    return replace(row(folder), run=run, takes="an hour, less what is on record")


ROW = row(RECORDS)


def _of(table: Table, task: str, name: str) -> tuple[Interval, ...]:
    arm = arm_named(name)
    return (
        lead(table, task, arm, JOINT),
        lead(table, task, arm, MULTILOSS),
        probe_lead(table, task, arm),
        accuracy(table, task, name),
    )
