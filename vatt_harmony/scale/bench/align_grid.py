"""Row 03.2: NeuMATCH beside every baseline on films of real clips, from the records of the study."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.figures import Figure
from vatt_harmony.scale.align_study.grid_protocol import POSITIONS, PUBLISHED, WINDOW, jobs
from vatt_harmony.scale.align_study.grid_records import is_done, read
from vatt_harmony.scale.align_study.grid_sequences import SHOWN
from vatt_harmony.scale.align_study.grid_tables import best_rival, mean, nearest_rival
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures

RECORDS = Path(__file__).parents[3] / "docs" / "alignment"
"""The finished study, in a checkout."""
TRAINED = (PUBLISHED, WINDOW)
_BOTH = SHOWN[-1]

MEASURES = measures(
    "03.2",
    *(
        (f"{shown}: {arm} minus the rival it leads least, low end of 95 %", "> 0" if shown == _BOTH else "", "points")
        for shown in SHOWN
        for arm in TRAINED
    ),
    *((f"{shown}: {arm}, clip accuracy", "", "%") for shown in SHOWN for arm in TRAINED),
    *((f"{shown}: {arm}, sentence IoU", "", "%") for shown in SHOWN for arm in TRAINED),
    *((f"{shown}: best rival, {figure}", "", "%") for shown in SHOWN for figure in ("clip accuracy", "sentence IoU")),
    ("positions alone, clip accuracy", "", "%"),
)


def measure(folder: Path, options: Options) -> Sequence[Figure]:
    """The figures of the records in `folder`; raises NotRun where one is missing."""
    records = read(folder)
    missing = [job for job in jobs() if not is_done(records, job)]
    if missing:
        first = f"{missing[0].arm}, {missing[0].shown}, fold {missing[0].fold}, seed {missing[0].seed}"
        raise NotRun(
            f"{len(missing)} of {len(jobs())} runs on GRID films are not on record in {folder}, the first is {first}; "
            "bench align --records DIR makes them"
        )
    values = [
        *(nearest_rival(records, arm, shown) for shown in SHOWN for arm in TRAINED),
        *(mean(records, arm, shown) for shown in SHOWN for arm in TRAINED),
        *(mean(records, arm, shown, "iou") for shown in SHOWN for arm in TRAINED),
        *(
            mean(records, best_rival(records, shown, figure), shown, figure)
            for shown in SHOWN
            for figure in ("accuracy", "iou")
        ),
        mean(records, POSITIONS, SHOWN[0]),
    ]
    leads = len(SHOWN) * len(TRAINED)
    return [
        _filled(figure, interval, lead=place < leads)
        for place, (figure, interval) in enumerate(zip(MEASURES, values, strict=True))
    ]


def _filled(figure: Figure, interval: Interval, lead: bool) -> Figure:
    """Of a lead the low end is the value that has to be above 0."""
    value = interval.low if lead else interval.value
    return replace(figure, value=value, low=interval.low, high=interval.high, n=interval.n)


def row(folder: Path) -> Row:
    """The row, from the records in `folder`."""
    return Row(
        id="03.2",
        title="films of real clips: NeuMATCH and every baseline",
        takes="seconds",
        measures=MEASURES,
        run=partial(measure, folder),
    )


ROW = row(RECORDS)
