"""One number that is known beforehand, beside what the package computes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Check:
    """A number of one group, such as "k table"."""

    group: str
    name: str
    found: float
    wanted: float
    tolerance: float

    @property
    def passes(self) -> bool:
        """Whether the two are as near as the printed digits are."""
        return math.isfinite(self.found) and abs(self.found - self.wanted) <= self.tolerance


def half_unit(digits: int) -> float:
    """Half a unit of the last of `digits` decimals, and room for rounding up a five."""
    return 0.5 * 10.0**-digits + 1e-9


def each(
    group: str, name: str, found: Sequence[float], wanted: Sequence[float], digits: int | Sequence[int]
) -> Iterator[Check]:
    """A check for each of several numbers printed with so many decimals."""
    places = [digits] * len(wanted) if isinstance(digits, int) else digits
    for number, (value, printed, decimals) in enumerate(zip(found, wanted, places, strict=True), start=1):
        label = name if len(wanted) == 1 else f"{name}, {number} of {len(wanted)}"
        yield Check(group=group, name=label, found=value, wanted=printed, tolerance=half_unit(decimals))
