"""What the records of the studies on text say: means over videos with intervals, and paired differences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.baselines.registry import BASELINES
from vatt_harmony.align.bootstrap import bootstrap
from vatt_harmony.align.sequence import Floats
from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.scale.align_study.text_protocol import (
    COMPARED,
    LITTLE,
    PLAIN,
    POSITIONS,
    PUBLISHED,
    SHARES,
    SMALL,
    TABLE_7,
    WINDOW,
)
from vatt_harmony.scale.align_study.text_records import Record

RIVALS = (*(name for name in FEATURE_FREE if name != "oracle"), *BASELINES, POSITIONS)
"""What NeuMATCH is compared with; the oracle is a bound."""
LOW_SHARES = (0.05, 0.1, 0.25)
NO_PRETRAINING, PRETRAINING = "rp-lars-sbn", "full-adam, pretrained"
"""The two arms that the goal on little data compares."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One method's values of one figure, the mean over seeds of every video."""

    videos: tuple[str, ...]
    values: Floats
    """`[G]`, in percent."""
    by_seed: tuple[float, ...]
    """Mean over videos of each seed."""


def column(records: Sequence[Record], data: str, method: str, figure: str = "accuracy", share: float = 1.0) -> Column:
    """Raises ValueError without records."""
    own = _of(records, data, method, share)
    table = 100 * np.array([record.scores[figure] for record in own], np.float64)
    return Column(
        videos=tuple(own[0].videos),
        values=table.mean(axis=0),
        by_seed=tuple(np.nanmean(table, axis=1).tolist()),
    )


def mean(records: Sequence[Record], data: str, method: str, figure: str = "accuracy", share: float = 1.0) -> Interval:
    """Mean over videos with its 95 % bootstrap interval, percent."""
    return bootstrap(column(records, data, method, figure, share).values[:, None])[0]


def difference(
    records: Sequence[Record],
    data: str,
    one: str,
    other: str,
    figure: str = "accuracy",
    shares: Sequence[float] = (1.0,),
) -> Interval:
    """`one` minus `other`, mean over the shares, paired by video, points of percent."""
    differences = []
    for share in shares:
        first, second = (column(records, data, method, figure, share) for method in (one, other))
        if first.videos != second.videos:
            raise ValueError(f"{one} and {other} were not tested on the same videos")
        differences.append(first.values - second.values)
    return bootstrap(np.mean(differences, axis=0)[:, None])[0]


def validation(records: Sequence[Record], data: str, method: str, share: float = 1.0) -> float:
    """Clip accuracy on validation videos, percent, mean over seeds."""
    values = [record.validation for record in _of(records, data, method, share) if record.validation is not None]
    return 100 * float(np.mean(values))


def nearest_rival(records: Sequence[Record], data: str, arm: str = WINDOW) -> Interval:
    """The difference to the rival over which the arm's lead is least sure: if its low end is above 0, all are."""
    return min((difference(records, data, arm, method) for method in RIVALS), key=lambda lead: lead.low)


def markdown(records: Sequence[Record]) -> str:
    """The tables of docs/alignment/text-tables.md, of all that is on record."""
    known = {record.data for record in records}
    parts = [compared(records, data) for data in COMPARED if data in known]
    if SMALL in known:
        parts += [little(records), table_7(records)]
    return "\n\n".join(parts) + "\n"


def compared(records: Sequence[Record], data: str) -> str:
    """Every method on one data set."""
    head = ["method", "validation", "clip accuracy", "sentence IoU", f"{WINDOW} minus it", f"{PUBLISHED} minus it"]
    lines = [f"**{data}**", "", _line(head), _line(["---"] * len(head))]
    for method in (*RIVALS, PUBLISHED, WINDOW, "oracle"):
        cells = [method, f"{validation(records, data, method):.1f}"]
        cells += [told(mean(records, data, method, figure)) for figure in ("accuracy", "iou")]
        for arm in (WINDOW, PUBLISHED):
            cells.append("" if method in (arm, "oracle") else told(difference(records, data, arm, method), "+"))
        lines.append(_line(cells))
    return "\n".join(lines)


def little(records: Sequence[Record]) -> str:
    """Clip accuracy of every arm at every share of the training videos."""
    head = ["arm", *(f"{100 * share:g} %" for share in SHARES)]
    lines = ["**Little data (HM-2, small)**: clip accuracy, and its range over seeds", "", _line(head)]
    lines.append(_line(["---"] * len(head)))
    for arm in LITTLE:
        lines.append(_line([arm, *(_spread(column(records, SMALL, arm, share=share)) for share in SHARES)]))
    for other in LITTLE:
        if other != NO_PRETRAINING:
            each = [difference(records, SMALL, NO_PRETRAINING, other, shares=(share,)) for share in SHARES]
            lines.append(_line([f"{NO_PRETRAINING} minus {other}", *(told(interval, "+") for interval in each)]))
    return "\n".join(lines)


def table_7(records: Sequence[Record]) -> str:
    """The presets at all training videos, with and without the window, and how far their parts move with it."""
    head = ["preset", "with window", "over seeds", "without window", "over seeds", "moves most", "moves least"]
    lines = ["**Table 7 (HM-2, small, all training videos)**: clip accuracy", "", _line(head)]
    lines.append(_line(["---"] * len(head)))
    for arm in TABLE_7:
        cells = [arm]
        for method in (arm, arm + PLAIN):
            cells += [told(mean(records, SMALL, method)), _spread(column(records, SMALL, method))]
        moved = {part: values.mean() for part, values in movement(records, arm).items()}
        order = sorted(moved, key=lambda part: moved[part])
        lines.append(_line([*cells, *(f"{part} {100 * moved[part]:.2f} %" for part in (order[-1], order[0]))]))
    return "\n".join(lines)


def movement(records: Sequence[Record], arm: str) -> dict[str, Floats]:
    """Part -> mean over seeds of its change by an update, relative to its norm, for every epoch `[E]`."""
    own = [record for record in _of(records, SMALL, arm, 1.0) if record.movement]
    return {part: np.mean([record.movement[part] for record in own], axis=0) for part in own[0].movement}


def told(interval: Interval, sign: str = "") -> str:
    """Such as "+4.1 (+1.9 … +6.2)"."""
    return f"{interval.value:{sign}.1f} ({interval.low:{sign}.1f} … {interval.high:{sign}.1f})"


def _of(records: Sequence[Record], data: str, method: str, share: float) -> list[Record]:
    own = [record for record in records if (record.data, record.method, record.share) == (data, method, share)]
    if not own:
        raise ValueError(f"there is no record of {method} on {data} at share {share}")
    return own


def _spread(found: Column) -> str:
    return f"{np.mean(found.by_seed):.1f} ({min(found.by_seed):.1f} … {max(found.by_seed):.1f})"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
