"""What the records of the study on GRID films say: means over films with intervals, and paired differences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.baselines.feature_free import FEATURE_FREE
from vatt_harmony.align.baselines.registry import BASELINES
from vatt_harmony.align.bootstrap import bootstrap, group_means
from vatt_harmony.align.sequence import Floats
from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.scale.align_study.grid_protocol import ARMS, POSITIONS
from vatt_harmony.scale.align_study.grid_records import Record
from vatt_harmony.scale.align_study.grid_sequences import SHOWN

UNTRAINED = tuple(name for name in FEATURE_FREE if name != "oracle")
RIVALS = (*UNTRAINED, *BASELINES, POSITIONS)
"""What NeuMATCH is compared with; the oracle is a bound."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One method's values of one figure, the mean over seeds of every film."""

    films: tuple[str, ...]
    values: Floats
    """`[G]`, in percent."""
    by_seed: tuple[float, ...]
    """Mean over films of each seed."""


def column(records: Sequence[Record], method: str, shown: str, figure: str) -> Column:
    """All films of all folds. What sees nothing was run once, for picture alone. Raises ValueError without records."""
    shown = SHOWN[0] if method == POSITIONS else shown
    seeds: dict[int, dict[str, float]] = {}
    for record in records:
        if (record.method, record.shown) == (method, shown):
            told = zip(record.films, record.scores[figure], strict=True)
            seeds.setdefault(record.seed, {}).update({film: np.nan if v is None else 100 * v for film, v in told})
    if not seeds:
        raise ValueError(f"there is no record of {method}, {shown}")
    films = sorted(set.intersection(*(set(values) for values in seeds.values())))
    table = np.array([[values[film] for film in films] for _, values in sorted(seeds.items())])
    return Column(films=tuple(films), values=_means(table), by_seed=tuple(_means(table.T).tolist()))


def mean(records: Sequence[Record], method: str, shown: str, figure: str = "accuracy") -> Interval:
    """Mean over films with its 95 % bootstrap interval, percent."""
    return bootstrap(column(records, method, shown, figure).values[:, None])[0]


def difference(records: Sequence[Record], one: str, other: str, shown: str, figure: str = "accuracy") -> Interval:
    """`one` minus `other`, paired by film, points of percent."""
    first, second = (column(records, method, shown, figure) for method in (one, other))
    if first.films != second.films:
        raise ValueError(f"{one} and {other} were not run on the same films")
    return bootstrap((first.values - second.values)[:, None])[0]


def best_rival(records: Sequence[Record], shown: str, figure: str = "accuracy") -> str:
    """The rival with the highest mean on the test films: what an arm has to beat."""
    return max(RIVALS, key=lambda method: mean(records, method, shown, figure).value)


def nearest_rival(records: Sequence[Record], arm: str, shown: str, figure: str = "accuracy") -> Interval:
    """The difference to the rival over which the arm's lead is least sure: if its low end is above 0, all are."""
    differences = [difference(records, arm, rival, shown, figure) for rival in RIVALS]
    return min(differences, key=lambda each: each.low)


def markdown(records: Sequence[Record]) -> str:
    """The tables of docs/alignment/results-grid.md: one for every kind of features."""
    return "\n\n".join(_table(records, shown) for shown in SHOWN) + "\n"


def _table(records: Sequence[Record], shown: str) -> str:
    arms = [arm for arm in ARMS if arm != POSITIONS and any((r.arm, r.shown) == (arm, shown) for r in records)]
    head = ["method", "clip accuracy", "sentence IoU", *(f"{arm} minus it" for arm in arms)]
    lines = [f"**{shown}**", "", _line(head), _line(["---"] * len(head))]
    for method in (*UNTRAINED, POSITIONS, *BASELINES, *arms, "oracle"):
        cells = [method, *(_told(mean(records, method, shown, figure)) for figure in ("accuracy", "iou"))]
        for arm in arms:
            cells.append("" if method in (arm, "oracle") else _told(difference(records, arm, method, shown), "+"))
        lines.append(_line(cells))
    return "\n".join(lines)


def _means(rows: Floats) -> Floats:
    """Mean of every column of known values, NaN where none is known."""
    means: Floats = group_means(rows, ["all"] * len(rows))[0]
    return means


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _told(interval: Interval, sign: str = "") -> str:
    return f"{interval.value:{sign}.1f} ({interval.low:{sign}.1f} … {interval.high:{sign}.1f})"
