"""Rows 03.3 to 03.6: NeuMATCH on text and on little data, from the records of the studies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.figures import Figure
from vatt_harmony.scale.align_study.text_protocol import (
    COMPARED,
    LITTLE,
    PLAIN,
    PUBLISHED,
    SMALL,
    TABLE_7,
    WINDOW,
    Name,
    jobs,
)
from vatt_harmony.scale.align_study.text_records import Record, missing, read
from vatt_harmony.scale.align_study.text_tables import (
    LOW_SHARES,
    NO_PRETRAINING,
    PRETRAINING,
    RIVALS,
    difference,
    mean,
    nearest_rival,
)
from vatt_harmony.scale.bench.suite import NotRun, Options, Row, measures

RECORDS = Path(__file__).parents[3] / "docs" / "alignment"
"""The finished studies, in a checkout."""
Values = Iterable[Interval]
HM: tuple[Name, ...] = tuple(data for data in COMPARED if data != "TACoS")
HM_RIVALS = RIVALS[4:]
"""Of those that read features, and positions alone: a row has room for 26 figures. The lead is over all rivals."""
LEAD = f"{WINDOW} minus the rival it leads least, low end of 95 %"

TACOS_MEASURES = measures(
    "03.3",
    (LEAD, "> 0", "points"),
    *((f"{arm}, clip accuracy", "", "%") for arm in (WINDOW, PUBLISHED)),
    *((f"{WINDOW} minus {rival}", "", "points") for rival in RIVALS),
)
HM_MEASURES = measures(
    "03.4",
    *((f"{data}: {LEAD}", "> 0", "points") for data in HM),
    *((f"{data}: {arm}, clip accuracy", "", "%") for data in HM for arm in (WINDOW, PUBLISHED)),
    *((f"{data}: {WINDOW} minus {rival}", "", "points") for data in HM for rival in HM_RIVALS),
)
LITTLE_MEASURES = measures(
    "03.5",
    *((f"{NO_PRETRAINING} minus {PRETRAINING}, {100 * share:g} % of videos", ">= 0", "points") for share in LOW_SHARES),
    *((f"{arm}, {100 * share:g} % of videos, clip accuracy", "", "%") for arm in LITTLE for share in LOW_SHARES),
)
TABLE_7_MEASURES = measures(
    "03.6",
    *((f"{arm}, with window, clip accuracy", "", "%") for arm in TABLE_7),
    *((f"{arm}, without window, clip accuracy", "", "%") for arm in TABLE_7),
)


def _tacos(records: Sequence[Record]) -> Values:
    yield _lead(records, "TACoS")
    for arm in (WINDOW, PUBLISHED):
        yield mean(records, "TACoS", arm)
    for rival in RIVALS:
        yield difference(records, "TACoS", WINDOW, rival)


def _hm(records: Sequence[Record]) -> Values:
    for data in HM:
        yield _lead(records, data)
    for data in HM:
        for arm in (WINDOW, PUBLISHED):
            yield mean(records, data, arm)
    for data in HM:
        for rival in HM_RIVALS:
            yield difference(records, data, WINDOW, rival)


def _little(records: Sequence[Record]) -> Values:
    for share in LOW_SHARES:
        yield difference(records, SMALL, NO_PRETRAINING, PRETRAINING, shares=(share,))
    for arm in LITTLE:
        for share in LOW_SHARES:
            yield mean(records, SMALL, arm, share=share)


def _table_7(records: Sequence[Record]) -> Values:
    for arm in (*TABLE_7, *(arm + PLAIN for arm in TABLE_7)):
        yield mean(records, SMALL, arm)


def _lead(records: Sequence[Record], data: str) -> Interval:
    """The low end is the value that has to be above 0."""
    lead = nearest_rival(records, data)
    return replace(lead, value=lead.low)


@dataclass(frozen=True, kw_only=True)
class _Part:
    id: str
    title: str
    data: tuple[Name, ...]
    measures: tuple[Figure, ...]
    values: Callable[[Sequence[Record]], Values]


_PARTS = (
    _Part(
        id="03.3",
        title="TACoS, description against description: NeuMATCH and every baseline",
        data=("TACoS",),
        measures=TACOS_MEASURES,
        values=_tacos,
    ),
    _Part(
        id="03.4",
        title="analogues of HM-1 and HM-2: NeuMATCH and every baseline",
        data=HM,
        measures=HM_MEASURES,
        values=_hm,
    ),
    _Part(
        id="03.5",
        title="little data: presets with and without pair pretraining",
        data=(SMALL,),
        measures=LITTLE_MEASURES,
        values=_little,
    ),
    _Part(
        id="03.6",
        title="the ten rows of Table 7 at bench scale, with and without our window",
        data=(SMALL,),
        measures=TABLE_7_MEASURES,
        values=_table_7,
    ),
)


def _measure(folder: Path, part: _Part, options: Options) -> Sequence[Figure]:
    """The figures of the records in `folder`; raises NotRun where a run is missing."""
    records = read(folder)
    left = missing(records, [job for job in jobs() if job.data in part.data])
    if left is not None:
        raise NotRun(
            f"{folder} has no record of {left.arm} on {left.data}, share {left.share:g}, seed {left.seed}; "
            "bench align --records DIR makes it"
        )
    return [
        replace(figure, value=each.value, low=each.low, high=each.high, n=each.n)
        for figure, each in zip(part.measures, part.values(records), strict=True)
    ]


def rows(folder: Path) -> tuple[Row, ...]:
    """The rows, from the records in `folder`."""
    return tuple(
        Row(id=part.id, title=part.title, takes="seconds", measures=part.measures, run=partial(_measure, folder, part))
        for part in _PARTS
    )


ROWS = rows(RECORDS)
