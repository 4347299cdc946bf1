"""Soft dynamic time warping: all paths, weighted by their cost; each clip takes the sentence it meets most often."""

import numpy as np

from vatt_harmony.align.baselines.assignment import Assignment
from vatt_harmony.align.baselines.lattice import before, of_cells, skewed
from vatt_harmony.align.sequence import Floats


def assign(distance: Floats, gamma: float) -> Assignment:
    """The sentence of each clip by `distance` `[N, M]`; its cost is the expected distance, `gamma` the temperature."""
    met = expected_alignment(distance, gamma)
    return Assignment(met.argmax(axis=1).astype(np.int64), (met * distance).sum(axis=1) / met.sum(axis=1))


def expected_alignment(distance: Floats, gamma: float) -> Floats:
    """Share of the paths, by weight exp(-cost / gamma), that visit each cell: `[N, M]`.

    It is the gradient of soft-DTW (Cuturi and Blondel, ICML 2017), here from the costs up to a cell and on from it.
    """
    until = soft_costs(distance, gamma)
    onward = soft_costs(distance[::-1, ::-1], gamma)[::-1, ::-1]
    shares: Floats = np.exp((until[-1, -1] - (until + onward - distance)) / gamma)
    return shares


def soft_costs(distance: Floats, gamma: float) -> Floats:
    """Soft-DTW of all clips and sentences up to each cell `[N, M]`: DTW with -gamma log sum exp(-x / gamma) for min."""
    clips, sentences = distance.shape
    cost = skewed(of_cells(distance))
    start = np.full(clips + 1, np.inf)
    start[0] = 0
    values = [np.full(clips + 1, np.inf), start]
    for diagonal in range(1, clips + sentences + 1):
        values.append(cost[diagonal] - gamma * np.logaddexp.reduce(-before(*values[-2:]) / gamma))
    rows, columns = np.indices(distance.shape) + 1
    table: Floats = np.stack(values[1:])[rows + columns, rows]
    return table
