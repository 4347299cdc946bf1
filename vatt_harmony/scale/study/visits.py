"""What training has said of each clip, averaged over its visits, and how often each clip is therefore drawn."""

import numpy as np
from numpy.typing import NDArray

from vatt_harmony.harmony.draw_weights import draw_weights
from vatt_harmony.harmony.ledger_config import LedgerConfig
from vatt_harmony.randomness import keyed_generator
from vatt_harmony.scale.study.arms import Draw

Values = NDArray[np.float64]

LEDGER = LedgerConfig(enabled=True, p_min=0.2, ramp=(0.2, 0.4), n_min=2, decay=1_000_000_000)
"""The fifth of the clips with the lowest ranks is drawn a fifth as often, from two fifths on all are drawn fully."""


class Visits:
    """Mean percentile of each clip's cosine, and of its summed losses (high = small loss), in its batches."""

    def __init__(self, clips: int) -> None:
        self.count = np.zeros(clips, np.int64)
        self.agreement, self.ease = np.zeros(clips), np.zeros(clips)

    def add(self, rows: NDArray[np.int64], cosines: Values, losses: Values) -> None:
        """One batch: clips `rows` `[B]`, their cosines `[B]` and summed losses `[B]`."""
        np.add.at(self.count, rows, 1)
        np.add.at(self.agreement, rows, percentiles(cosines))
        np.add.at(self.ease, rows, percentiles(-losses))

    def score(self, draw: Draw) -> Values:
        """What `draw` ranks clips by, `[N]`; low = probably wrong."""
        total = {"conflict": self.agreement, "loss": self.ease, "both": self.agreement + self.ease}[draw]
        visited: Values = total / np.maximum(self.count, 1)
        return visited

    def weights(self, draw: Draw) -> Values:
        """How often each clip is drawn, `[N]`, relative to 1, by the rank of its score among all clips."""
        ranks = percentiles(self.score(draw))
        return draw_weights(self.count, np.zeros_like(self.count), ranks, LEDGER, 0)


def percentiles(values: Values) -> Values:
    """Rank of each value among all, from 0 to 1; of equal ones the first is lower."""
    ranks: Values = values.argsort(kind="stable").argsort() / max(1, len(values) - 1)
    return ranks


def epoch(weights: Values | None, clips: int, seed: int, number: int) -> NDArray[np.int64]:
    """Rows of an epoch `[N]`: each clip once, or, with weights, N p_i times rounded up or down, in random order."""
    generator = keyed_generator(seed, "study", "epoch", number)
    order = generator.permutation(clips)
    if weights is None:
        return order
    # Systematic resampling: equal steps along the cumulated weights.
    ends = np.cumsum(weights[order]) / weights.sum()
    points = (np.arange(clips) + generator.random()) / clips
    return generator.permutation(order[np.searchsorted(ends, points).clip(max=clips - 1)])
