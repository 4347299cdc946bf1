"""Which clips to show when not all of them fit: those of lowest cosine, and a spread over the whole map."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
CELLS = 24
"""Cells of the map along each side, from each of which a clip is taken before any gives a second."""


def lowest_and_spread(loss: Values, cosine: Values, count: int, seed: int = 0) -> NDArray[np.int64]:
    """`count` of N clips in the order to show them in: of every three, two of lowest cosine and one of the spread.

    So every beginning of the order is a fair choice too. `loss` and `cosine` are finite, `[N]`; fewer clips than
    `count` are all taken.
    """
    count = min(count, len(cosine))
    lowest, spread = iter(np.argsort(cosine, kind="stable").tolist()), iter(_spread(loss, cosine, seed).tolist())
    order: dict[int, None] = {}
    while len(order) < count:
        for way in (lowest, lowest, spread):
            row = next((row for row in way if row not in order), None)
            if row is not None:
                order[row] = None
    return np.fromiter(order, np.int64, len(order))[:count]


def _spread(loss: Values, cosine: Values, seed: int) -> NDArray[np.int64]:
    """Clips from a grid over the map, a random one of every cell before the second of any, cells in random order."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(loss))
    cells = (_cell(loss) * CELLS + _cell(cosine))[shuffled]
    by_cell = np.argsort(cells, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(cells[by_cell])) + 1]
    nth = np.arange(len(cells)) - np.repeat(starts, np.diff(np.r_[starts, len(cells)]))
    return np.asarray(shuffled[by_cell[np.lexsort((generator.random(len(nth)), nth))]], dtype=np.int64)


def _cell(values: Values) -> NDArray[np.int64]:
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    cells = ((values - low) / max(high - low, 1e-12) * CELLS).astype(np.int64)
    return np.asarray(np.minimum(cells, CELLS - 1))
