"""Samples that failed: counted by source and reason, the first of each told in full, the rest as totals."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

TELL_EVERY = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drop:
    """One sample that was replaced, or one modality of it that was masked."""

    source: str
    reason: str
    place: str
    """Sample key or number, and shard."""
    detail: str
    masked: bool = False
    """Only a modality was masked; the sample stayed."""

    @property
    def name(self) -> str:
        """`source/reason`, as batches and dashboards count it."""
        return f"{self.source}/{self.reason}"


def count(drops: Iterable[Drop]) -> dict[str, int]:
    """`source/reason` -> how many."""
    return dict(Counter(drop.name for drop in drops))


class DropLedger:
    """Totals since the start of a process. The first of each reason is a warning, then one line per 1,000."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()

    def add(self, drops: Iterable[Drop]) -> None:
        """Count, and log what is due."""
        for drop in drops:
            self.totals[drop.name] += 1
            total = self.totals[drop.name]
            done = "modality masked" if drop.masked else "sample replaced"
            if total == 1:
                log.warning("first %r: %s: %s (%s)", drop.name, drop.place, drop.detail, done)
            elif total % TELL_EVERY == 0:
                log.warning("%d x %r, last: %s", total, drop.name, drop.place)
