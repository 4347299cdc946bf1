"""What similarity baselines read: the features of clips and sentences in the space that they share."""

from dataclasses import dataclass

import numpy as np

from vatt_harmony.align.sequence import AlignmentSequence, Features, Floats
from vatt_harmony.errors import UserError


@dataclass(frozen=True)
class Joint:
    """Unit vectors in one space, and their distances."""

    clips: Floats
    """`[N, J]`."""
    sentences: Floats
    """`[M, J]`."""
    distance: Floats
    """1 - cosine, `[N, M]`."""


def joint_of(sequence: AlignmentSequence) -> Joint:
    """The joint features of a sequence of two streams; raises ValueError for none, UserError for NaN among them."""
    clips, sentences = sequence.clips.joint, sequence.sentences.joint
    if clips is None or sentences is None:
        raise ValueError(f"the sequence {sequence.name} has no joint features")
    if not (np.isfinite(clips).all() and np.isfinite(sentences).all()):
        raise UserError(
            f"Joint features of {sequence.name} are not finite numbers",
            "Its clips would be aligned at random",
            "Prepare the sequence again; an encoder in half precision may have overflowed",
        )
    one, other = _unit(clips), _unit(sentences)
    return Joint(one, other, 1 - one @ other.T)


def _unit(features: Features) -> Floats:
    """A vector without a direction stays zero: it is at distance 1 from all."""
    rows = features.astype(np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit
