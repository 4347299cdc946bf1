"""What a claim "above all others" rests on: the row over which the first aligner's lead is least sure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.table import Table
from vatt_harmony.align.table_report import percent_figure
from vatt_harmony.downstream.intervals import Interval
from vatt_harmony.figures import Figure

CEILING = "oracle"
"""The row that reads the truth: no rival."""


@dataclass(frozen=True, kw_only=True)
class Lead:
    """A lead in clip accuracy."""

    of: str
    """The method that leads, or does not."""
    over: str
    by: Interval
    """A fraction, paired by film; without ends where there is one film."""


def least_sure_lead(table: Table, of: str) -> Lead | None:
    """Of the leads of a method over each other row but the oracle, the one with the lowest low end; None without any.

    With one film, and so without ends, the smallest lead. If its low end is above 0, those of all others are.
    """
    rivals = {row: by for row, by in table.differences("accuracy", of).items() if row != CEILING and by.n}
    if not rivals:
        return None
    over = min(rivals, key=lambda row: _low(rivals[row]))
    return Lead(of=of, over=over, by=rivals[over])


def lead_told(lead: Lead | None) -> Sequence[str]:
    """The lead as a line, if there is one."""
    if lead is None:
        return []
    low, high = lead.by.low, lead.by.high
    ends = f"{100 * low:+.1f} … {100 * high:+.1f}" if np.isfinite(low) else "one film: no interval"
    return [f"least sure lead: over {lead.over}, {100 * lead.by.value:+.1f} ({ends})"]


def lead_figures(lead: Lead | None) -> Sequence[Figure]:
    """The lead as a figure in percent, if there is one."""
    if lead is None:
        return []
    title = f"{lead.of} minus {lead.over}, clip accuracy, least sure lead"
    return [percent_figure(f"align.{lead.of}.accuracy.least_sure_lead", title, lead.by)]


def _low(by: Interval) -> float:
    return by.low if np.isfinite(by.low) else by.value
