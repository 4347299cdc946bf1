"""Which clips a fold's encoder, its aligner and its choices may see: all are other clips than those it is tested on."""

from dataclasses import dataclass

import numpy as np

from vatt_harmony.randomness import keyed_generator

CLIPS = 400
FOLDS = 5
"""Every clip is a test clip once."""
HALF = CLIPS // FOLDS // 2


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Clips of one fold by their number in the corpus; no clip is in two parts."""

    test: tuple[int, ...]
    """80."""
    validation: tuple[int, ...]
    """40: parameters of baselines, epochs of the aligner, how it is decoded."""
    aligner: tuple[int, ...]
    """80: films for training the aligner. The encoder has not seen them, so they look to it as test clips do."""
    encoder: tuple[int, ...]
    """200."""

    @property
    def embedded(self) -> tuple[int, ...]:
        """All that films are made of."""
        return self.test + self.validation + self.aligner


def parts(fold: int) -> Parts:
    """The parts of a fold, from 0."""
    order = keyed_generator(0, "grid folds").permutation(CLIPS)
    halves = np.roll(order, -2 * HALF * fold).reshape(-1, HALF).tolist()
    return Parts(
        test=tuple(halves[0] + halves[1]),
        validation=tuple(halves[2]),
        aligner=tuple(halves[3] + halves[4]),
        encoder=tuple(clip for half in halves[5:] for clip in half),
    )
