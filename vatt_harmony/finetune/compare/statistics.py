"""What the seeds of two rows say of their difference."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vatt_harmony.finetune.compare.records import Record
from vatt_harmony.finetune.train.result import mean_and_interval


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Mean over seeds of one row's figure minus another's, with the ends of its 95 % interval (Student's t)."""

    mean: float
    low: float
    """NaN with a single seed, as `high`."""
    high: float

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def by_row(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records of each row, seeds in order; rows in the order in which they first appear."""
    rows: dict[str, list[Record]] = {}
    for each in sorted(records, key=lambda record: record.seed):
        rows.setdefault(each.row, []).append(each)
    return {row: rows[row] for row in dict.fromkeys(record.row for record in records)}


def same_clips(first: Sequence[Record], second: Sequence[Record]) -> bool:
    """Whether two rows were tested on the same clips; a row of one modality has no use for those that lack it."""
    return {record.clips for record in first} == {record.clips for record in second}


def paired(first: Sequence[Record], second: Sequence[Record], figure: str) -> Difference:
    """First minus second in a test figure, over the seeds that both have; NaN where they were tested on other clips."""
    if not same_clips(first, second):
        return Difference(mean=math.nan, low=math.nan, high=math.nan)
    others: Mapping[int, Record] = {record.seed: record for record in second}
    both = [(one, others[one.seed]) for one in first if one.seed in others]
    values = [one.test.get(figure, math.nan) - other.test.get(figure, math.nan) for one, other in both]
    mean, low, high = mean_and_interval(values) if values else (math.nan,) * 3
    return Difference(mean=mean, low=low, high=high)
