"""Row 04.5: what a pretrained sound encoder is worth on ESC-10, from the records of the study."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vatt_harmony.figures import Figure
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures
from vatt_harmony.scale.esc_study.protocol import ARMS, EXTENDED, LOG_MEL, PRETRAINED, SCRATCH, jobs
from vatt_harmony.scale.esc_study.publish import publish
from vatt_harmony.scale.esc_study.records import missing, planned, read
from vatt_harmony.scale.esc_study.runs import make
from vatt_harmony.scale.esc_study.tables import accuracy, lead

RECORDS = Path(__file__).parents[3] / "docs" / "balancing"
"""The finished study, in a checkout."""

MORE = [arm for arm in EXTENDED if arm != SCRATCH]

MEASURES = measures(
    "04.5",
    *((f"ESC-10: {arm.name} minus scratch, low end of 95 %", "> 0", "points") for arm in PRETRAINED),
    *((f"ESC-10: {arm.name} minus log-mel, probe", "", "points") for arm in PRETRAINED),
    *((f"ESC-10: {arm.name}, accuracy", "", "%") for arm in ARMS),
    *((f"ESC-10, three seeds added afterwards: {arm.name} minus scratch", "", "points") for arm in MORE),
)


def measure(folder: Path, options: Options) -> Sequence[Figure]:
    """The figures of the records in `folder`; raises NotRun where one is missing."""
    records = read(folder)
    if left := missing(records, jobs()):
        first = f"{left[0].arm.name}, fold {left[0].fold}, seed {left[0].seed}"
        raise NotRun(
            f"{len(left)} of {len(jobs())} runs on ESC-10 are not on record in {folder}, the first is {first}; "
            "bench balance --records DIR makes them"
        )
    named = planned(records)
    leads = [lead(named, arm, SCRATCH) for arm in PRETRAINED]
    others = [
        *(lead(named, arm, LOG_MEL) for arm in PRETRAINED),
        *(accuracy(named, arm) for arm in ARMS),
        *(lead(records, arm, SCRATCH) for arm in MORE),
    ]
    values = [*((found.low, found) for found in leads), *((found.value, found) for found in others)]
    return [
        replace(figure, value=value, low=found.low, high=found.high, n=found.n)
        for figure, (value, found) in zip(MEASURES, values, strict=True)
    ]


def row(folder: Path) -> Row:
    """The row, from the records in `folder`."""
    return Row(
        id="04.5",
        title="a pretrained sound encoder beside scratch on ESC-10",
        takes="seconds",
        measures=MEASURES,
        run=partial(measure, folder),
    )


def made_first(folder: Path) -> Row:
    """The row, which first makes the runs that `folder` has no record of."""

    def run(options: Options) -> Sequence[Figure]:
        if options.data is None:
            raise NotRun("there are no real media; set VATT_HARMONY_DATA to their folder")
        make(options.data / "esc10", folder)
        publish(folder, folder / "published")
        return measure(folder, options)

    return replace(row(folder), run=run, takes="half an hour, less what is on record")


ROW = row(RECORDS)
