"""Minimum distance: every clip takes its nearest sentence, whatever the order."""

from vatt_harmony.align.baselines.assignment import Assignment, nearest
from vatt_harmony.align.sequence import Floats


def assign(distance: Floats) -> Assignment:
    """The nearest sentence of each clip by `distance` `[N, M]` (the baseline MD of Dogan et al., CVPR 2018)."""
    return nearest(distance)
