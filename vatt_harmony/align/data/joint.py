"""A space that clips and sentences share, where no encoder gives one: clips regressed on their sentences."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import Ridge

from vatt_harmony.align.data.attach import with_features
from vatt_harmony.align.sequence import AlignmentSequence
from vatt_harmony.errors import UserError

PARTS = 5
"""Into which the training groups are cut to be mapped by one another."""


def cross_fitted(train: Sequence[AlignmentSequence], strength: float = 1.0) -> list[AlignmentSequence]:
    """Training sequences with joint features, each from a fit on the other `PARTS` - 1 parts of the groups.

    A regression fits its own pairs far better than new ones: similarities of the films that it has seen would teach an
    aligner to trust what it never meets again. A single group with pairs is mapped by itself. Raises UserError as
    `RidgeJoint`.
    """
    paired = [sequence for sequence in train if sequence.pairs is not None and len(sequence.pairs)]
    part_of = {group: place % PARTS for place, group in enumerate(sorted({sequence.group for sequence in paired}))}
    whole = RidgeJoint(train, strength)
    if len(part_of) < 2:
        return [whole(sequence) for sequence in train]
    fits = {
        part: RidgeJoint([each for each in paired if part_of[each.group] != part], strength)
        for part in set(part_of.values())
    }
    return [fits.get(part_of.get(sequence.group, -1), whole)(sequence) for sequence in train]


class RidgeJoint:
    """Clip features mapped to sentence features by ridge regression over the pairs of training sequences alone."""

    def __init__(self, train: Sequence[AlignmentSequence], strength: float = 1.0) -> None:
        """Fit; `strength` multiplies the squared weights. Raises UserError if nothing is paired in `train`."""
        known = [sequence for sequence in train if sequence.pairs is not None and len(sequence.pairs)]
        if not known:
            raise UserError(
                f"None of {len(train)} training sequences has a pair",
                "No map from clips to sentences could be fitted",
                "Give sequences whose alignment is known, or features of one encoder for both",
            )
        rows = [(each.clips.features[each.pairs[:, 0]], each.sentences.features[each.pairs[:, 1]]) for each in known]  # type: ignore[index]
        self._ridge = Ridge(alpha=strength).fit(
            np.concatenate([clips for clips, _ in rows]), np.concatenate([sentences for _, sentences in rows])
        )

    def __call__(self, sequence: AlignmentSequence) -> AlignmentSequence:
        """The sequence with joint features: its sentences' own ones, and its clips' mapped to them."""
        clips, sentences = sequence.clips.features, sequence.sentences.features
        mapped = np.asarray(self._ridge.predict(clips), np.float32) if len(clips) else sentences[:0]
        return with_features(sequence, (clips, sentences), (mapped, sentences))
