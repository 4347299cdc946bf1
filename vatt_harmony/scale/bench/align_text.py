"""Rows 03.3 to 03.6: NeuMATCH on text and on little data, from the records of the studies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.figures import Figure
from vatt_harmony.scale.align_study.text_protocol import (
    LITTLE,
    MORE,
    POSITIONS,
    PUBLISHED,
    SMALL,
    TABLE_7,
    WINDOW,
    Name,
)
from vatt_harmony.scale.align_study.text_records import Record, read
from vatt_harmony.scale.align_study.text_tables import (
    LOW_SHARES,
    NO_PRETRAINING,
    PRETRAINING,
    RIVALS,
    difference,
    mean,
    rival,
)
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures

RECORDS = Path(__file__).parents[3] / "docs" / "alignment"
"""The finished studies, in a checkout."""
Values = Iterable[Interval]
HM: tuple[Name, ...] = ("HM-1", "HM-2", MORE)
SHOWN_SHARES = (*LOW_SHARES, 1.0)
LEADS = ("minus the best baseline on validation, low end of 95 %", "minus the best baseline on validation")

TACOS_MEASURES = measures(
    "03.3",
    (f"{WINDOW} {LEADS[0]}", "> 0", "points"),
    (f"{WINDOW} {LEADS[1]}", "", "points"),
    (f"{PUBLISHED} {LEADS[1]}", "", "points"),
    *((f"{method}, clip accuracy", "", "%") for method in (WINDOW, PUBLISHED, *RIVALS)),
)
HM_MEASURES = measures(
    "03.4",
    *((f"{data}: {WINDOW} {lead}", "> 0" if lead == LEADS[0] else "", "points") for data in HM for lead in LEADS),
    *(
        (f"{data}: {method}, clip accuracy", "", "%")
        for data in HM
        for method in (WINDOW, PUBLISHED, POSITIONS, "best baseline on validation", "all null", "minimum distance")
    ),
)
LITTLE_MEASURES = measures(
    "03.5",
    (f"{NO_PRETRAINING} minus {PRETRAINING}, mean over 5, 10 and 25 %", ">= 0", "points"),
    *((f"{arm}, {100 * share:g} % of the videos, clip accuracy", "", "%") for arm in LITTLE for share in SHOWN_SHARES),
)
TABLE_7_MEASURES = measures(
    "03.6",
    *((f"{arm}, {figure}", "", "%") for arm in TABLE_7 for figure in ("clip accuracy", "sentence IoU")),
)


def _tacos(records: Sequence[Record]) -> Values:
    yield from _lead(records, "TACoS", WINDOW)
    yield _lead(records, "TACoS", PUBLISHED)[1]
    for method in (WINDOW, PUBLISHED, *RIVALS):
        yield mean(records, "TACoS", method)


def _hm(records: Sequence[Record]) -> Values:
    for data in HM:
        yield from _lead(records, data, WINDOW)
    for data in HM:
        for method in (WINDOW, PUBLISHED, POSITIONS, rival(records, data), "all null", "minimum distance"):
            yield mean(records, data, method)


def _little(records: Sequence[Record]) -> Values:
    yield difference(records, SMALL, NO_PRETRAINING, PRETRAINING, shares=LOW_SHARES)
    for arm in LITTLE:
        for share in SHOWN_SHARES:
            yield mean(records, SMALL, arm, share=share)


def _table_7(records: Sequence[Record]) -> Values:
    for arm in TABLE_7:
        for figure in ("accuracy", "iou"):
            yield mean(records, SMALL, arm, figure)


def _lead(records: Sequence[Record], data: str, arm: str) -> tuple[Interval, Interval]:
    """The difference to the rival twice: its low end as the value, and itself."""
    lead = difference(records, data, arm, rival(records, data))
    return replace(lead, value=lead.low), lead


def _measure(
    folder: Path, told: Sequence[Figure], values: Callable[[Sequence[Record]], Values], options: Options
) -> Sequence[Figure]:
    """The figures of the records in `folder`; raises NotRun where some are missing."""
    try:
        found = list(values(read(folder)))
    except ValueError as missing:
        raise NotRun(f"{missing} in {folder}; bench align --records DIR makes them") from missing
    return [
        replace(figure, value=each.value, low=each.low, high=each.high, n=each.n)
        for figure, each in zip(told, found, strict=True)
    ]


def rows(folder: Path) -> tuple[Row, ...]:
    """The rows, from the records in `folder`."""
    parts = (
        ("03.3", "TACoS, description against description: NeuMATCH and every baseline", TACOS_MEASURES, _tacos),
        ("03.4", "analogues of HM-1 and HM-2: NeuMATCH and every baseline", HM_MEASURES, _hm),
        ("03.5", "little data: presets with and without pair pretraining", LITTLE_MEASURES, _little),
        ("03.6", "the ten rows of Table 7 at bench scale", TABLE_7_MEASURES, _table_7),
    )
    return tuple(
        Row(id=name, title=title, takes="seconds", measures=told, run=partial(_measure, folder, told, values))
        for name, title, told, values in parts
    )


ROWS = rows(RECORDS)
